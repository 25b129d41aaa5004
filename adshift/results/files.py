"""The names of what a run leaves in its folder."""

from __future__ import annotations

SCHEMA = 1


RESULT = "result.json"
CHECKPOINT = "model.ckpt"
BASE = "base.ckpt"
"""The model as it was fitted, beside ``model.ckpt`` in the folder of a run that repaired it."""


SCORES = "scores.csv"


CALIBRATION = "calibration.json"


CORRECTION = "correction.json"


MAPS = "maps.npz"


FITTED = "fitted.json"
REPLICATES = "replicates.npz"
PICTURES = "pictures"
"""The folder of the worst and best images, with ``save_maps``."""
