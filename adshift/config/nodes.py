"""Nodes of a configuration that a program puts together itself: options of conf/ as they stand there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adshift.calibration.pixel_rule import IMAGE, REGION

Node = dict[str, Any]

THRESHOLD: Node = {"_target_": "adshift.adaptation.threshold.ThresholdAdaptation"}
FULL: Node = {"_target_": "adshift.adaptation.full.FullAdaptation"}
OFFICIAL: Node = {"_target_": "adshift.data.splits.OfficialSplit"}
CONFORMAL: Node = {
    "_target_": "adshift.calibration.conformal.Conformal", "scope": "category", "pixel": IMAGE, "region": REGION,
    "confidence": 0, "alpha": 0.05,
}  # fmt: skip
"""In place of a threshold rule that needs defects, where there are good images alone."""
NO_STORE: Node = {"_target_": "adshift.store.NoStore"}


def photos(root: Path) -> Node:
    """``domain=photos domain.root=ROOT``."""
    return {"_target_": "adshift.shift.photos.Photos", "name": "photos", "root": str(root)}
