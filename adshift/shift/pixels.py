"""Images and masks at other sizes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

UInt8 = NDArray[np.uint8]


def resize_image(image: UInt8, size: int) -> UInt8:
    """Resize [H, W, 3] to [size, size, 3], bilinear with antialiasing, along rows first.

    Two calls, as Pillow 13 begins with the columns of a tall image, and rounds in between: another image than Pillow 12's.
    """
    if image.shape[:2] == (size, size):
        return image
    across = Image.fromarray(image).resize((size, image.shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(across.resize((size, size), Image.Resampling.BILINEAR))


def resize_mask(mask: UInt8, size: int) -> UInt8:
    """Resize a mask [H, W] to [size, size], nearest neighbour, so that it stays binary."""
    if mask.shape == (size, size):
        return mask
    return np.asarray(Image.fromarray(mask).resize((size, size), Image.Resampling.NEAREST))
