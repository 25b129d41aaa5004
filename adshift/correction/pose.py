"""Registration: an object that lies where no train image has it is brought back to where they have it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adshift.correction.foreground import Silhouette, silhouette
from adshift.correction.spread import Spread
from adshift.shift.pixels import UInt8
from adshift.shift.transforms import rim_colour
from adshift.shift.warp import warp_image, warp_mask

FOUND = 0.9
"""Share of the train images that must show one object for the category to have a pose at all."""
CONSISTENT = 0.1
"""Largest width of each place's spread: regions that differ more from image to image are no one object."""
FLOORS = (0.01, 0.01, 0.01, 0.05, 0.05)
"""Smallest widths: x and y (shares of the side), log length, log area / length^2, log elongation."""
SHAPE_DEVIATIONS = 6.0
"""Widths that an object's shape (area / length^2, elongation) may differ from the train set's by. Another shape is another
object, or one that the frame cuts or the border mirrors: then the pose is not to be trusted."""
LENGTH = (0.6, 1.6)
ALIGNED = 0.95
"""Mean resultant length of the train images' angles from which they lie one way."""
DIRECTED, LONG = 0.05, 1.5
"""Least skewness and elongation that give an axis a direction, and an object an axis."""


@dataclass(frozen=True)
class Pose:
    """Where the train images have their object.

    Attributes:
        places: the spread of ``_places``.
        angle: radians, the train images' common direction; None where they lie any way.
        angle_width: the spread of their directions about it.
    """

    places: Spread
    angle: float | None
    angle_width: float


def _places(s: Silhouette) -> list[float]:
    return [s.x, s.y, math.log(s.length), math.log(s.area / s.length**2), math.log(s.elongation)]


def train_pose(silhouettes: Sequence[Silhouette | None]) -> Pose | None:
    """The pose of a category; None where fewer than ``FOUND`` of its train images show one object, or no one shape."""
    found = [s for s in silhouettes if s is not None]
    if not found or len(found) < FOUND * len(silhouettes):
        return None
    places = Spread.of([_places(s) for s in found], FLOORS)
    if max(places.width) > CONSISTENT:
        return None
    mean = np.mean([np.exp(1j * s.angle) for s in found])
    directed = float(np.median([s.skewness for s in found])) >= DIRECTED
    one_way = abs(mean) >= ALIGNED and directed and float(np.median([s.elongation for s in found])) >= LONG
    if not one_way:
        return Pose(places, None, 0.0)
    angle = float(np.angle(mean))
    off = [abs(math.remainder(s.angle - angle, 2 * math.pi)) for s in found]
    return Pose(places, angle, max(0.01, 1.4826 * float(np.median(off))))


def correcting(found: Silhouette, pose: Pose) -> NDArray[np.float64] | None:
    """The similarity [2, 3], in shares of the side, that brings an object back; None for one that is to be left alone.

    Left alone is what lies as train images do, and what has another shape than theirs or a length outside ``LENGTH`` of
    theirs (the confidence). Where the train images lie any way the object is not turned.
    """
    places = np.array(_places(found))
    deviation = (places - pose.places.middle) / pose.places.width
    if np.abs(deviation[3:]).max() > SHAPE_DEVIATIONS:
        return None
    turn = 0.0 if pose.angle is None else math.remainder(pose.angle - found.angle, 2 * math.pi)
    turned = pose.angle is not None and abs(turn) > 2.5 * pose.angle_width
    spatial = replace(pose.places, middle=pose.places.middle[:3], width=pose.places.width[:3])
    if spatial.usual(places[:3]) and not turned:
        return None
    zoom = math.exp(pose.places.middle[2] - places[2])
    if not LENGTH[0] <= zoom <= LENGTH[1]:
        return None
    cosine, sine = zoom * math.cos(turn), zoom * math.sin(turn)
    linear = np.array([[cosine, sine], [-sine, cosine]])
    shift = np.array(pose.places.middle[:2]) - linear @ places[:2]
    return np.hstack([linear, shift[:, None]])


def in_pixels(similarity: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """A similarity in shares of the longer side as one in pixels, whose centres have whole coordinates."""
    linear, shift = similarity[:, :2], similarity[:, 2] * max(height, width)
    return np.hstack([linear, (shift + linear @ [0.5, 0.5] - 0.5)[:, None]])


def register(image: UInt8, mask: UInt8 | None, pose: Pose) -> tuple[UInt8, UInt8 | None]:
    """Image uint8 [H, W, 3] (Lanczos) and mask uint8 [h, w] (nearest) with the object where the train images have it.

    What comes in from beyond the frame has the median colour of the image's rim; in the mask it is no defect.
    """
    found = silhouette(image)
    similarity = None if found is None else correcting(found, pose)
    if similarity is None:
        return image, mask
    matrix = in_pixels(similarity, *image.shape[:2])
    moved = warp_image(image, matrix, "background", "lanczos", rim_colour(image))
    if mask is not None and mask.any():
        mask = warp_mask(mask, in_pixels(similarity, *mask.shape), "background")
    return moved, mask
