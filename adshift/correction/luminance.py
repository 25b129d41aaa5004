"""Luminance and chroma of an RGB image, and pictures of it on a coarse grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adshift.shift.pixels import UInt8

Float = NDArray[np.float32]
GRID = 64
"""Side of the grid that slow quantities (light, pose) are estimated on."""


def luma_chroma(image: UInt8) -> tuple[Float, Float]:
    """ITU-R BT.601 luma float32 [H, W] in 0..255, and the chroma that is left: RGB minus luma, float32 [H, W, 3].

    A grey image has chroma 0; luma plus chroma gives the image back.
    """
    pixels = image.astype(np.float32)
    luma = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    return luma, pixels - luma[:, :, None]


def joined(luma: Float, chroma: Float) -> UInt8:
    """The RGB image of a luma [H, W] and a chroma [H, W, 3], rounded and clipped to uint8."""
    return np.asarray(np.rint(np.clip(luma[:, :, None] + chroma, 0, 255)), np.uint8)


def coarse(luma: Float) -> Float:
    """A luma averaged down to the grid, float32 [GRID, GRID]."""
    import cv2

    return np.asarray(cv2.resize(luma, (GRID, GRID), interpolation=cv2.INTER_AREA), np.float32)
