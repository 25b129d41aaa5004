"""Images and masks at other sizes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

UInt8 = NDArray[np.uint8]
STRIP_PIXELS = 1 << 22
"""What is done to an image row by row is done to so many pixels at a time: no second copy of a large one is made."""


def strips(height: int, width: int) -> Iterator[slice]:
    """The rows of an image [height, width], a strip after the other.

    >>> list(strips(3, STRIP_PIXELS // 2))
    [slice(0, 2, None), slice(2, 3, None)]
    """
    step = max(1, STRIP_PIXELS // width)
    for top in range(0, height, step):
        yield slice(top, min(height, top + step))


def resize_image(image: UInt8, size: int) -> UInt8:
    """Resize [H, W, 3] to [size, size, 3], bilinear with antialiasing, along rows first.

    Two calls, as Pillow 13 begins with the columns of a tall image, and rounds in between: another image than Pillow 12's.
    """
    if image.shape[:2] == (size, size):
        return image
    across = np.empty((image.shape[0], size, 3), np.uint8)
    for rows in strips(*image.shape[:2]):
        strip = Image.fromarray(image[rows])
        across[rows] = np.asarray(strip.resize((size, strip.height), Image.Resampling.BILINEAR))
    return np.asarray(Image.fromarray(across).resize((size, size), Image.Resampling.BILINEAR))


def resize_mask(mask: UInt8, size: int) -> UInt8:
    """Resize a mask [H, W] to [size, size], nearest neighbour, so that it stays binary."""
    if mask.shape == (size, size):
        return mask
    return np.asarray(Image.fromarray(mask).resize((size, size), Image.Resampling.NEAREST))
