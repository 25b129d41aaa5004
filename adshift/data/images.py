"""From an image file to the arrays the rest works on: decode, resize, normalise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from adshift.errors import AdshiftError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

UInt8 = NDArray[np.uint8]


def to_rgb(opened: Image.Image) -> UInt8:
    """A picture as RGB, uint8 [H, W, 3].

    Greyscale is repeated over the channels; 16-bit greyscale is scaled by its full range; alpha is dropped; the EXIF
    rotation is applied.
    """
    image = ImageOps.exif_transpose(opened)
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image, dtype=np.float64) / 257.0).round().astype(np.uint8))
    return np.asarray(image.convert("RGB"))


def read_image(path: Path) -> UInt8:
    """Decode an image file to RGB, uint8 [H, W, 3], as ``to_rgb`` does.

    Raises:
        AdshiftError: the file is missing, truncated or no image.
    """
    try:
        with Image.open(path) as opened:
            return to_rgb(opened)
    except FileNotFoundError as error:
        raise AdshiftError(f"image {path} does not exist; restore it, or run again to index the folder anew") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise AdshiftError(f"image {path} cannot be read ({error}); replace or remove the file") from error


def read_mask(path: Path) -> UInt8:
    """Decode a ground-truth mask: 1 where the file's value is over half its range (study 3.1), else 0; uint8 [H, W]."""
    return np.asarray(read_image(path).max(axis=2) > 127, np.uint8)


def resize_image(image: UInt8, size: int) -> UInt8:
    """Resize [H, W, 3] to [size, size, 3], bilinear with antialiasing (study 3.1)."""
    if image.shape[:2] == (size, size):
        return image
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))


def resize_mask(mask: UInt8, size: int) -> UInt8:
    """Resize a mask [H, W] to [size, size], nearest neighbour, so that it stays binary (study 3.1)."""
    if mask.shape == (size, size):
        return mask
    return np.asarray(Image.fromarray(mask).resize((size, size), Image.Resampling.NEAREST))


def normalise(image: UInt8) -> Tensor:
    """uint8 [H, W, 3] in [0, 255] to float32 [3, H, W], standardised with the ImageNet statistics (study eq. 1)."""
    scaled = torch.from_numpy(np.array(image, copy=True)).permute(2, 0, 1).float().div_(255.0)
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD).view(3, 1, 1)
    return scaled.sub_(mean).div_(std).contiguous()
