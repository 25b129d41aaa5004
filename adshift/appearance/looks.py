"""What one picture looks like in numbers: its light, colour, sharpness and noise, and where its object lies."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from adshift.correction.foreground import silhouette
from adshift.correction.luminance import GRID, Float, coarse, luma_chroma
from adshift.correction.noise import noise_sigma
from adshift.shift.pixels import UInt8


@dataclass(frozen=True)
class Look:
    """One quantity.

    Attributes:
        name: what a person calls it.
        kind: the group that it belongs to: light, contrast, colour, sharpness, noise or pose.
        unit: of the value; ``""`` for a plain ratio.
        floor: smallest spread, in the unit of the value, that a set of pictures is credited with: below it nobody sees a
            difference.
        up, down: what it means that the value has grown or fallen.
    """

    name: str
    kind: str
    unit: str
    floor: float
    up: str
    down: str


LOOKS: tuple[Look, ...] = (
    Look("light", "light", "grey levels", 1.0, "brighter", "darker"),
    Look("light, left to right", "light", "log units", 0.02, "the right side lighter", "the left side lighter"),
    Look("light, top to bottom", "light", "log units", 0.02, "the bottom lighter", "the top lighter"),
    Look("contrast", "contrast", "", 0.01, "more contrast", "less contrast"),
    Look("red against green", "colour", "log units", 0.01, "redder", "greener"),
    Look("blue against green", "colour", "log units", 0.01, "bluer", "yellower"),
    Look("sharpness", "sharpness", "log units", 0.05, "sharper", "more blurred"),
    Look("noise", "noise", "log units", 0.05, "noisier", "less noisy"),
    Look("place, left to right", "pose", "share of the side", 0.005, "further right", "further left"),
    Look("place, top to bottom", "pose", "share of the side", 0.005, "further down", "further up"),
    Look("size of the object", "pose", "log units", 0.01, "larger", "smaller"),
)
"""Every quantity, in the order of ``measured``."""

DARKEST = 1.0
"""Grey levels that are added before a logarithm or a ratio is taken, so that black pictures have one."""


def measured(image: UInt8) -> tuple[float, ...]:
    """The values of ``LOOKS`` for a picture uint8 [H, W, 3]; NaN for the pose of one that shows no single object.

    Light is the mean luma (ITU-R BT.601); its slopes are those of the plane that fits log luma best, over the whole frame;
    contrast is the luma's standard deviation over its mean; colours are logarithms of channel means; sharpness is the log
    of the energy in the finest octave that noise does not rule over that of the next, so that neither light nor contrast
    moves it; noise is the log of Immerkaer's sigma over the mean luma; the pose is that of the silhouette.
    """
    luma, _ = luma_chroma(image)
    mean = float(luma.mean())
    red, green, blue = (float(image[:, :, channel].mean()) + DARKEST for channel in range(3))
    across, down = _slopes(coarse(luma))
    shape = silhouette(image)
    pose = (math.nan,) * 3 if shape is None else (shape.x, shape.y, math.log(shape.length))
    return (
        mean, across, down, float(luma.std()) / (mean + DARKEST), math.log(red / green), math.log(blue / green),
        _sharpness(luma), math.log(noise_sigma(luma) / (mean + DARKEST)), *pose,
    )  # fmt: skip


def _slopes(coarse_GG: Float) -> tuple[float, float]:
    """How much log luma rises from the left to the right edge, and from the top to the bottom one."""
    place = (np.arange(GRID) + 0.5) / GRID - 0.5
    log = np.log(coarse_GG.astype(np.float64) + DARKEST)
    weight = place / np.square(place).sum()
    return float(log.mean(axis=0) @ weight), float(log.mean(axis=1) @ weight)


def _sharpness(luma: Float) -> float:
    import cv2

    bands = [cv2.GaussianBlur(luma, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0)]
    fine, next_one = (float(np.square(a - b).mean()) for a, b in itertools.pairwise(bands))
    return 0.5 * math.log((fine + 1e-3) / (next_one + 1e-3))
