"""The names of what a run leaves in its folder."""

from __future__ import annotations

SCHEMA = 1


RESULT = "result.json"


SCORES = "scores.csv"


CALIBRATION = "calibration.json"


CORRECTION = "correction.json"


MAPS = "maps.npz"


REPLICATES = "replicates.npz"
