"""Where the object lies: its silhouette against an even background, and that silhouette's moments."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adshift.shift.pixels import UInt8
from adshift.shift.transforms import rim_colour

CONTRAST = 12.0
"""Grey levels that an object must differ from the background by."""


@dataclass(frozen=True)
class Silhouette:
    """The moments of an object's outline; lengths are shares of the image's side.

    Attributes:
        x, y: the middle of the outline's extent along and across its long axis, from the left and the top edge, in [0, 1];
            unlike the centroid it does not move when an object that is thick at one end turns about its middle.
        angle: of the long axis, radians, counter-clockwise as seen, in (-pi, pi]; it points where the outline's third
            moment is positive, to the thin end.
        length: four standard deviations along the long axis.
        area: share of the image.
        elongation: standard deviation along the axis over that across it, >= 1.
        skewness: along the axis, >= 0; near 0 the two directions cannot be told apart.
        touches: the outline meets the frame, so that part of the object may be missing.
    """

    x: float
    y: float
    angle: float
    length: float
    area: float
    elongation: float
    skewness: float
    touches: bool


def object_mask(image: UInt8) -> NDArray[np.bool_] | None:
    """The largest connected region that differs from the rim's median colour (Otsu's threshold), bool [H, W].

    None where nothing differs by ``CONTRAST``, or what does is no one object: it fills less than 1 % or more than 70 %.
    """
    import cv2

    height, width = image.shape[:2]
    smooth = cv2.GaussianBlur(image, (0, 0), max(height, width) / 224)
    background = np.array(rim_colour(smooth), np.float32)
    distance = np.abs(smooth.astype(np.float32) - background).max(axis=2)
    level, _ = cv2.threshold(np.clip(distance, 0, 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    if level < CONTRAST:
        return None
    differs = (distance > level).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    differs = np.asarray(cv2.morphologyEx(differs, cv2.MORPH_CLOSE, kernel), np.uint8)
    count, regions, stats, _ = cv2.connectedComponentsWithStats(differs, connectivity=8)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    share = stats[largest, cv2.CC_STAT_AREA] / (height * width)
    return np.asarray(regions == largest) if 0.01 <= share <= 0.7 else None


def silhouette(image: UInt8) -> Silhouette | None:
    """The silhouette of the object in an image uint8 [H, W, 3]; None where there is none."""
    mask = object_mask(image)
    if mask is None:
        return None
    height, width = mask.shape
    side = float(max(height, width))
    rows, columns = np.nonzero(mask)
    x, y = (columns + 0.5) / side, (rows + 0.5) / side
    points = np.stack([x - x.mean(), y - y.mean()])
    values, vectors = np.linalg.eigh(points @ points.T / points.shape[1])
    along, across = vectors[:, 1] @ points, vectors[:, 0] @ points
    middle = vectors[:, 1] * _middle(along) + vectors[:, 0] * _middle(across)
    skewness = float((along**3).mean() / max(1e-12, values[1]) ** 1.5)
    dx, dy = vectors[:, 1] * (1 if skewness >= 0 else -1)
    return Silhouette(
        float(x.mean() + middle[0]),
        float(y.mean() + middle[1]),
        math.atan2(-dy, dx),
        4 * math.sqrt(values[1]),
        points.shape[1] / (height * width),
        math.sqrt(values[1] / max(1e-12, values[0])),
        abs(skewness),
        bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()),
    )


def _middle(places: NDArray[np.float64]) -> float:
    """Half-way between the ends, each taken as a quantile so that a burr does not move it."""
    return float(np.quantile(places, (0.002, 0.998)).mean())
