"""The image transformations of MVTec-Shift (docs/protocol.md): pure functions on uint8 images.

albumentations does the colour jitter and the blur; the warp (``adshift.shift.warp``) and the illumination gradients are the
project's own.
"""

from __future__ import annotations

import math
import os
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from adshift.shift.parameters import Illumination, ShiftParameters
from adshift.shift.pixels import UInt8
from adshift.shift.warp import warp_image, warp_mask

GRADIENT_GRID = 128
SMOOTHING_SIGMA = 80 / 1024
"""The study smooths with sigma = 80 px on MVTec AD's images of 1024 px; as a fraction it holds at any resolution."""

BORDERS = ("reflect", "replicate", "background")
RIM = 0.04
"""Width of an image's rim as a share of its shorter side."""
RESAMPLING = ("bilinear", "lanczos")


def _albumentations() -> ModuleType:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else the import asks the network for its newest version
    albumentations: ModuleType = import_module("albumentations")
    return albumentations


def warp(
    image: UInt8, mask: UInt8 | None, p: ShiftParameters, border: str = "reflect", resampling: str = "bilinear"
) -> tuple[UInt8, UInt8 | None]:
    """Rotate, scale and translate about the centre: image bilinear, mask nearest, reflected border.

    ``border`` (one of ``BORDERS``) and ``resampling`` (of ``RESAMPLING``) choose otherwise; beyond a ``background`` border
    lies the median colour of the image's rim, and no defect.
    """
    fill = rim_colour(image) if border == "background" else (0.0, 0.0, 0.0)
    moved = warp_image(image, similarity(p, *image.shape[:2]), border, resampling, fill)
    return moved, None if mask is None else warp_mask(mask, similarity(p, *mask.shape[:2]), border)


def similarity(p: ShiftParameters, height: int, width: int) -> list[list[float]]:
    """The map [2, 3] of a pixel (x, y) of an image of this size; it is moved by whole pixels, cut towards 0."""
    x, y = (width - 1) / 2, (height - 1) / 2
    cosine, sine = (p.scale * part(math.radians(p.rotation_deg)) for part in (math.cos, math.sin))
    right, down = int(p.translate_x * width), int(p.translate_y * height)
    return [[cosine, sine, x + right - cosine * x - sine * y], [-sine, cosine, y + down + sine * x - cosine * y]]


def rim_colour(image: UInt8) -> tuple[float, ...]:
    """The median colour of the outermost ``RIM`` of an image uint8 [H, W, 3], a value a channel."""
    rim = max(1, round(RIM * min(image.shape[:2])))
    sides = (image[:rim], image[-rim:], image[:, :rim], image[:, -rim:])
    pixels = np.concatenate([side.reshape(-1, image.shape[2]) for side in sides])
    return tuple(np.median(pixels, axis=0).tolist())


def illumination_field(kind: Illumination, darkest: float, height: int, width: int) -> NDArray[np.float32]:
    """The factor that each pixel's light is multiplied with.

    A linear gradient falls from 1 to ``darkest`` at the named side; a radial one falls to ``darkest`` at the ``centre``
    or at the ``edges`` (the corner is farthest). Smoothed with a Gaussian (study: sigma = 80 px of 1024).

    Returns:
        float32 [height, width] in [darkest, 1].
    """
    import cv2

    ramp = np.linspace(0.0, 1.0, GRADIENT_GRID, dtype=np.float32)
    across = np.broadcast_to(ramp, (GRADIENT_GRID, GRADIENT_GRID))
    if kind in ("left", "right", "top", "bottom"):
        lightness = {"left": across, "right": 1 - across, "top": across.T, "bottom": 1 - across.T}[kind]
    elif kind in ("centre", "edges"):
        radius = np.hypot(across - 0.5, across.T - 0.5) / np.float32(np.hypot(0.5, 0.5))
        lightness = radius if kind == "centre" else 1 - radius
    else:
        return np.ones((height, width), np.float32)
    field = (darkest + (1.0 - darkest) * lightness).astype(np.float32)
    field = cv2.GaussianBlur(field, (0, 0), SMOOTHING_SIGMA * GRADIENT_GRID, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def illuminate(image: UInt8, p: ShiftParameters) -> UInt8:
    """Multiply the image with its illumination field."""
    field = illumination_field(p.illumination, p.darkest, *image.shape[:2])
    return np.asarray(np.rint(image * field[:, :, None]), np.uint8)


def jitter(image: UInt8, p: ShiftParameters) -> UInt8:
    """Brightness, then contrast, then saturation."""
    one = (1.0, 1.0)
    for factors in ((p.brightness, 1.0, 1.0), (1.0, p.contrast, 1.0), (1.0, 1.0, p.saturation)):
        if factors != (1.0, 1.0, 1.0):
            b, c, s = ((f, f) if f != 1.0 else one for f in factors)
            image = _albumentations().ColorJitter(brightness=b, contrast=c, saturation=s, hue=(0.0, 0.0), p=1.0)(
                image=image
            )["image"]
    return image


def blur(image: UInt8, p: ShiftParameters) -> UInt8:
    """Gaussian blur with the sampled kernel side and sigma."""
    gaussian = _albumentations().GaussianBlur(
        blur_limit=(p.blur_kernel, p.blur_kernel), sigma_limit=(p.blur_sigma, p.blur_sigma), p=1.0
    )
    return np.asarray(gaussian(image=image)["image"], np.uint8)


def add_noise(image: UInt8, p: ShiftParameters) -> UInt8:
    """Additive Gaussian noise, independent in each pixel and channel, clipped to the value range."""
    generator = np.random.Generator(np.random.PCG64(p.noise_seed))
    noise = generator.standard_normal(image.shape, dtype=np.float32) * np.float32(255.0 * p.noise_sigma)
    return np.asarray(np.rint(np.clip(image + noise, 0, 255)), np.uint8)
