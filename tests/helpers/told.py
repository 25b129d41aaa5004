"""What a tracker should have been told of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def result_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def expected(folder: Path) -> dict[str, float]:
    """A few values of the result under the names that a tracker is told, picked by hand."""
    result = result_of(folder)
    macro, plate = result["metrics"]["macro"], result["metrics"]["categories"]["plate"]
    return {
        "macro/image_auroc": macro["image_auroc"],
        "plate/pixel_auroc": plate["pixel_auroc"],
        "plate/image_f1_low": plate["image_f1_ci"][0],
        "plate/image_f1_high": plate["image_f1_ci"][1],
        "plate/false_alarm_rate_exact_high": plate["false_alarm_rate_exact_ci"][1],
        "plate/threshold": result["threshold"]["plate"]["value"],
        "plate/pixel_threshold": result["pixel_threshold"]["plate"]["value"],
        "timing/fit": result["timing"]["fit"],
        "memory/bank_vectors": result["memory"]["bank_vectors"],
        "counts/plate/train": result["counts"]["plate"]["train"],
    }


def pictures_of(folder: Path) -> dict[str, np.ndarray]:
    found = {path.stem: np.asarray(Image.open(path)) for path in (folder / "pictures").glob("*.png")}
    assert set(found) == {"plate_normal", "plate_anomalous"}
    return found
