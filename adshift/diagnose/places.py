"""Where on the image false alarms lie: the border, the scene's edges, its flat parts, and what the shift mirrored in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adshift.calibration.binomial import binomial_interval
from adshift.shift import transforms
from adshift.shift.parameters import ShiftParameters
from adshift.shift.pixels import UInt8

BORDER = 0.1
"""Width of the border band as a share of the side."""
EDGE_QUANTILE = 0.85
"""Gradients above this quantile of the image's own are edges."""
REACH = 3
"""Pixels around an edge that belong to it: a patch's neighbourhood."""
Zone = NDArray[np.bool_]


def zones(image: UInt8) -> dict[str, Zone]:
    """``border``, ``edges`` and ``flat`` of an image uint8 [H, W, 3]: every pixel is in one of the three, bool [H, W]."""
    import cv2

    height, width = image.shape[:2]
    band = max(1, round(BORDER * min(height, width)))
    border = np.ones((height, width), bool)
    border[band:-band, band:-band] = False
    grey = cv2.GaussianBlur(image.mean(axis=2, dtype=np.float32), (0, 0), 1.0)
    gradient = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    strong = (gradient > np.quantile(gradient, EDGE_QUANTILE)) & (gradient > 0)
    kernel = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    edges = cv2.dilate(strong.astype(np.uint8), kernel).astype(bool) & ~border
    return {"border": border, "edges": edges, "flat": ~border & ~edges}


def beyond_frame(parameters: ShiftParameters, size: int) -> Zone:
    """Which pixels of a moved image show what lies beyond the file's frame, bool [size, size]; see ``transforms.warp``."""
    inside = np.ones((size, size), np.uint8)
    _, mask = transforms.warp(np.zeros((size, size, 3), np.uint8), inside, parameters, border="background")
    assert mask is not None
    return np.asarray(mask == 0)


def grown(zone: Zone, by: int) -> Zone:
    """A zone with all within ``by`` pixels of it (a square neighbourhood)."""
    import cv2

    kernel = np.ones((2 * by + 1, 2 * by + 1), np.uint8)
    return np.asarray(cv2.dilate(zone.astype(np.uint8), kernel).astype(bool))


@dataclass(frozen=True)
class Share:
    """One zone over the good images.

    Attributes:
        zone: its name.
        area: share of all pixels.
        maxima: share of the images whose map has its maximum there, with its exact 95 % interval.
        alarms: share of the pixels at or above the pixel threshold that lie there; None where there are none.
    """

    zone: str
    area: float
    maxima: float
    maxima_ci: tuple[float, float]
    alarms: float | None


def shares(maps: Sequence[NDArray[np.float32]], found: Sequence[dict[str, Zone]], threshold: float) -> list[Share]:
    """The shares of each zone over N good images' maps [H, W]; ``found`` holds each image's zones."""
    rows = []
    over = [m >= threshold for m in maps]
    alarms = sum(int(o.sum()) for o in over)
    for name in found[0]:
        area = float(np.mean([z[name].mean() for z in found]))
        hits = sum(bool(z[name].ravel()[int(m.argmax())]) for m, z in zip(maps, found, strict=True))
        inside = sum(int((o & z[name]).sum()) for o, z in zip(over, found, strict=True))
        rows.append(
            Share(name, area, hits / len(maps), binomial_interval(hits, len(maps)), inside / alarms if alarms else None)
        )
    return rows
