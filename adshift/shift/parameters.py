"""What one image undergoes in a shifted domain, as numbers that can be listed.

At severity 1 the ranges are the study's (docs/protocol.md). Severity scales each range about its identity: 0 leaves every
image as it is, 2 doubles every deviation.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

Illumination = Literal["none", "left", "right", "top", "bottom", "centre", "edges"]

ROTATION_DEG = 10.0
SHRINK = 0.1
TRANSLATION = 0.1
JITTER = 0.3
DARKEST = (0.4, 0.7)
BLUR_RADII = (1, 2)
BLUR_SIGMA = (0.1, 2.0)
NOISE_SIGMA = (0.01, 0.05)
PROBABILITY = 0.5
LINEAR: tuple[Illumination, ...] = ("left", "right", "top", "bottom")
RADIAL: tuple[Illumination, ...] = ("centre", "edges")


@dataclass(frozen=True)
class ShiftParameters:
    """The transformation of one image; the default is the identity.

    Attributes:
        rotation_deg: counter-clockwise, degrees.
        scale: zoom factor about the centre; below 1 shows more than the frame, filled by reflection.
        translate_x, translate_y: fractions of width and height; right and down are positive.
        illumination: which side (linear) or zone (radial) is darkened.
        darkest: the factor at the darkest place, before smoothing; 1 leaves the image as it is.
        brightness, contrast, saturation: jitter factors, 1 leaves the image as it is.
        blur_kernel: side of the Gaussian kernel in pixels, odd; 1 means none.
        blur_sigma: its standard deviation in pixels.
        noise_sigma: standard deviation of the additive noise, as a fraction of the value range.
        noise_seed: seed of the noise field.
    """

    rotation_deg: float = 0.0
    scale: float = 1.0
    translate_x: float = 0.0
    translate_y: float = 0.0
    illumination: Illumination = "none"
    darkest: float = 1.0
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    blur_kernel: int = 1
    blur_sigma: float = 0.0
    noise_sigma: float = 0.0
    noise_seed: int = 0


def image_generator(seed: int, category: str, path: str) -> np.random.Generator:
    """The generator of one image, seeded with (seed, category, path) alone."""
    key = hashlib.sha256(f"{seed}\n{category}\n{path}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key[:16], "big")))


def sample_parameters(
    generator: np.random.Generator, severity: float, *, geometric: bool, illumination: bool, photometric: bool
) -> ShiftParameters:
    """Draw one image's parameters.

    Every variate is drawn whether its family is on or not, and severity scales the draw rather than the generator: the
    same image turns by the same angle in ``shift`` and in ``geometric``, and twice as far at twice the severity.
    """
    u = generator.random(16)
    noise_seed = int(generator.integers(2**63))
    chosen: dict[str, float | int | str] = {}

    def between(low: float, high: float, variate: float) -> float:
        return low + (high - low) * float(variate)

    if severity == 0:
        return ShiftParameters()
    if geometric:
        chosen["rotation_deg"] = severity * between(-ROTATION_DEG, ROTATION_DEG, u[0])
        chosen["scale"] = max(0.05, 1.0 - severity * between(0.0, SHRINK, u[1]))
        chosen["translate_x"] = severity * between(-TRANSLATION, TRANSLATION, u[2])
        chosen["translate_y"] = severity * between(-TRANSLATION, TRANSLATION, u[3])
    if illumination and u[4] < PROBABILITY:
        family = LINEAR if u[5] < 0.5 else RADIAL
        chosen["illumination"] = family[int(u[6] * len(family))]
        chosen["darkest"] = max(0.0, 1.0 - severity * (1.0 - between(*DARKEST, u[7])))
    if photometric:
        for name, variate in zip(("brightness", "contrast", "saturation"), u[8:11], strict=True):
            chosen[name] = max(0.0, 1.0 + severity * between(-JITTER, JITTER, variate))
        if u[11] < PROBABILITY:
            radius = BLUR_RADII[int(u[12] * len(BLUR_RADII))]
            chosen["blur_kernel"] = 2 * math.ceil(severity * radius) + 1
            chosen["blur_sigma"] = severity * between(*BLUR_SIGMA, u[13])
        if u[14] < PROBABILITY:
            chosen["noise_sigma"] = severity * between(*NOISE_SIGMA, u[15])
            chosen["noise_seed"] = noise_seed
    return ShiftParameters(**chosen)  # type: ignore[arg-type]
