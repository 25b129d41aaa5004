"""What stands in an exported file beside the graph: how to prepare an image, and how to decide."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

from adshift.calibration.thresholds import MANUAL
from adshift.data.images import IMAGENET_MEAN, IMAGENET_STD
from adshift.export.packages import IN_GRAPH, OUTSIDE
from adshift.export.resize import largest_side
from adshift.run.fitted import Fitted

KEY = "adshift"
"""Under which name the metadata stand in a file, as one JSON text."""
P_VALUE = "(1 + number of normals >= score) / (1 + number of normals)"
P_VALUE_OF_SERIES = (
    "(1 + sum of 1 / size of its series over normals >= score) / (1 + number of series); series has that of each normal"
)
INPUT, SCORE, MAP = "image", "score", "map"


def metadata(
    fitted: Fitted, category: str | None, resize: str = OUTSIDE, threshold: float | None = None
) -> dict[str, Any]:
    """The metadata of a run: its input, outputs, thresholds, and where it comes from.

    Args:
        fitted: the run.
        category: whose thresholds are named first; None leaves that open where a run has several.
        resize: one of ``RESIZES``.
        threshold: given by hand, in place of the run's own.
    """
    size, thresholds = fitted.image_size, fitted.thresholds
    several = category is None and len(thresholds.image) > 1
    settings = fitted.method.embedding_settings()  # a backbone with statistics of its own names them there
    name = "" if several else fitted.category(category)
    own = (None, None) if several else (thresholds.image_threshold(name), thresholds.kind(name))
    decides, kind = own if threshold is None else (threshold, MANUAL)
    return {
        "adshift": version("adshift"),
        "method": fitted.config["method"]["name"],
        "categories": list(fitted.categories),
        "input": _takes(size, resize),
        "normalisation": {
            "in_graph": True,
            "mean": settings.get("mean", list(IMAGENET_MEAN)),
            "std": settings.get("std", list(IMAGENET_STD)),
        },
        "outputs": {
            SCORE: "float32 [batch], a raw distance: larger is more anomalous",
            MAP: f"float32 [batch, {size}, {size}], raw distances",
        },
        "rule": "anomalous if score >= threshold; a pixel if map >= pixel_threshold",
        "threshold": decides,
        "threshold_kind": kind,
        "pixel_threshold": None if several else thresholds.pixel_threshold(name),
        "pixel_rule": thresholds.pixel_rule.kind,
        "region": thresholds.pixel_rule.region,
        "regions": "outlined are 8-connected regions of at least `region` pixels of the map with map >= pixel_threshold",
        "thresholds": {
            key: {"image": thresholds.image[key].threshold, "pixel": thresholds.pixel_threshold(key)}
            for key in thresholds.image
        },
        "p_value": P_VALUE_OF_SERIES if thresholds.series else P_VALUE,
        "normals": {key: list(scores) for key, scores in thresholds.normals.items()},
        "series": {key: list(numbers) for key, numbers in thresholds.series.items()},
        "weights_sha256": fitted.method.weights_sha256,
    }


def _takes(size: int, resize: str) -> dict[str, Any]:
    square = f"to {size} x {size} whatever the aspect"
    how = f"{square}, bilinear with antialiasing (Pillow's BILINEAR, rows first), as 8-bit values"
    if resize == IN_GRAPH:
        return {
            "name": INPUT,
            "type": "uint8",
            "shape": ["batch", "height", "width", 3],
            "colour": "RGB",
            "range": [0, 255],
            "resize": f"in the graph, {how}",
            "largest_side": largest_side(size),
        }
    return {
        "name": INPUT,
        "type": "float32",
        "shape": ["batch", 3, size, size],
        "colour": "RGB",
        "range": [0.0, 1.0],
        "resize": f"{how}; then divide by 255",
    }


def to_text(held: dict[str, Any]) -> str:
    """The metadata as JSON."""
    return json.dumps(held, allow_nan=False)
