"""From an image file to the arrays the rest works on: decode, resize, normalise."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base

from adshift.errors import AdshiftError
from adshift.shift.pixels import UInt8, strips

if TYPE_CHECKING:  # images are listed and checked before torch is imported
    from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
"""The decoders that are tried; a JPEG with several pictures (MPO) is read as its first."""
MAX_PIXELS = 89_478_485
"""Where Pillow begins to warn of decompression bombs: 256 MB as RGB."""
MAX_SIDE = 1 << 17
"""A longer image has few columns or rows; brought to a square of 1,024 it would be larger in between than any other."""
MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "YCbCr"})
"""Pillow's modes that are read, beside 16-bit greyscale."""
REFUSED_MODES = {
    "CMYK": ("is CMYK, whose colours depend on a printing profile", "convert it to RGB"),
    "I": ("holds 32-bit integers, whose range is unknown", "scale it to 8 or 16 bits"),
    "F": ("holds floating-point values, whose range is unknown", "scale it to 8 or 16 bits"),
}


class ImageError(AdshiftError):
    """Why an image cannot be used (``what``) and what to do about it (``remedy``), without the name of its file."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what, self.remedy = what, remedy


@contextmanager
def opened(path: Path, sha256: str = "") -> Iterator[Image.Image]:
    """An image file, opened but not decoded.

    Only the decoders of ``FORMATS`` are tried, whatever the name's suffix: Pillow knows formats that start other programs
    (a PostScript file called ``a.png`` would start Ghostscript). What fails inside the block becomes an ``ImageError`` too.
    With a ``sha256`` the file is read once, and the bytes that are decoded are those that have this hash.

    Raises:
        ImageError: the file is missing, no regular file, no image, over ``MAX_PIXELS`` or ``MAX_SIDE``, of a mode whose
            values have no agreed meaning, or not the one that has the ``sha256``.
    """
    try:
        mode = path.stat().st_mode
        if not (S_ISREG(mode) or S_ISDIR(mode)):  # opening a pipe would wait for whoever writes into it
            raise ImageError("is a pipe, a socket or a device", "name an image file")
        with Image.open(_held(path, sha256) if sha256 else path, formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise ImageError(*_too_large(f"{width} x {height} pixels"))
            if max(width, height) > MAX_SIDE:
                raise ImageError(*_too_large(f"{width} x {height} pixels", f"{MAX_SIDE} a side"))
            _check_mode(image)
            yield image
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError("does not exist", "restore it, or run again to index the folder anew") from error
    except IsADirectoryError as error:
        raise ImageError("is a folder without an image", "name an image, or a folder that holds some") from error
    except UnidentifiedImageError as error:
        empty = path.stat().st_size == 0
        reason = "is empty" if empty else f"cannot be read (it is none of {', '.join(FORMATS)})"
        raise ImageError(reason, "replace or remove the file") from error
    except Image.DecompressionBombError as error:
        raise ImageError(*_too_large(f"more pixels than {MAX_PIXELS}")) from error
    except Exception as error:  # a decoder meets bytes that anybody may have written
        reason = str(error).splitlines()[0].replace(str(path), path.name) if str(error) else type(error).__name__
        raise ImageError(f"cannot be read ({reason})", "replace or remove the file") from error


def _held(path: Path, sha256: str) -> BytesIO:
    """A file's bytes; raises ImageError where they are not those of the hash."""
    held = path.read_bytes()
    if hashlib.sha256(held).hexdigest() != sha256:
        raise ImageError("has changed since it was checked", "run again when nothing writes there")
    return BytesIO(held)


def _too_large(size: str, limit: str = str(MAX_PIXELS)) -> tuple[str, str]:
    return f"is too large ({size}, the limit is {limit})", "cut it into tiles or make it smaller"


def _check_mode(image: Image.Image) -> None:
    if image.mode not in MODES and not image.mode.startswith("I;16"):
        other = (f"has the mode {image.mode}", "convert it to 8-bit RGB or greyscale")
        raise ImageError(*REFUSED_MODES.get(image.mode, other))


def to_rgb(image: Image.Image) -> UInt8:
    """An image as RGB, uint8 [H, W, 3].

    Greyscale is repeated over the channels; 16-bit greyscale is scaled by its full range (of 16-bit colour Pillow keeps
    the high byte); palettes are resolved; alpha is dropped; the EXIF rotation is applied.

    Raises:
        ImageError: CMYK, or 32-bit integers or floats, whose range is unknown.
    """
    _check_mode(image)
    image.load()  # which turns a TIFF already
    if image.getexif().get(Base.Orientation, 1) != 1:
        image = ImageOps.exif_transpose(image)
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    for rows in strips(image.height, image.width):
        strip = image.crop((0, rows.start, image.width, rows.stop))
        strip.info.pop("transparency", None)
        rgb[rows] = _high_byte(strip)[:, :, None] if image.mode.startswith("I;16") else np.asarray(strip.convert("RGB"))
    return rgb


def _high_byte(image: Image.Image) -> UInt8:
    """16-bit values over 257, rounded: 65535 is 255."""
    return ((np.asarray(image).astype(np.uint32) + 128) // 257).astype(np.uint8)


def decoding_bytes(image: Image.Image) -> int:
    """What decoding an opened image and bringing it to RGB takes at most, bytes (benchmarks/decode_memory.py)."""
    progressive = bool(image.info.get("progressive"))  # libjpeg keeps the coefficients of all of it
    each = 17 if image.format == "WEBP" else 11 if progressive else 8
    return each * image.width * image.height


def read_image(path: Path, sha256: str = "", before: Callable[[Image.Image], None] | None = None) -> UInt8:
    """Decode an image file to RGB.

    ``to_rgb`` says what becomes of depth, palettes, alpha and rotation; of several frames the first is read.

    Args:
        path: the file.
        sha256: what the file must have; empty takes it as it is.
        before: called with the opened image, of which nothing is decoded yet.

    Returns:
        uint8 array [H, W, 3].

    Raises:
        AdshiftError: the file is missing, truncated, too large, refused, no image, or not the one of ``sha256``.
    """
    try:
        with opened(path, sha256) as image:
            if before is not None:
                before(image)
            return to_rgb(image)
    except ImageError as fault:
        raise AdshiftError(f"image {path} {fault.what}; {fault.remedy}") from fault


def is_transparent(image: Image.Image) -> bool:
    """Whether an opened image has a pixel that is not opaque."""
    return image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255)


DARK = 16
"""An image whose largest value is under this is called almost black: so looks 12-bit data saved in 16 bits."""


def suspicious_values(image: UInt8) -> tuple[str, str] | None:
    """Why the values of an image uint8 [H, W, 3] can hardly be meant, and what to do about it; None where they can."""
    low, high = int(image.min()), int(image.max())
    if low == high:
        return f"is one colour throughout ({low})", "remove it, unless the part looks so"
    if high < DARK:
        what = f"is almost black (its largest value is {high} of 255)"
        return what, "scale it to its full range; 12-bit values in a 16-bit file look so"
    return None


HALF = 127
"""Half of a mask's range: a pixel over it counts as defect (docs/protocol.md)."""


def check_mask(image: Image.Image, over: int = HALF) -> None:
    """Refuse an opened mask that could only be misread.

    Raises:
        ImageError: values that mark nothing although some are above 0 (a mask of 0 and 1), or transparency, which may be
            where the mask really is.
    """
    if is_transparent(image):
        raise ImageError("has transparent parts, and the reader drops transparency", "save it in black and white")
    extrema: Any = image.getextrema() if image.mode in ("1", "L") else (0, int(to_rgb(image).max()))
    if 0 < extrema[1] <= over:
        raise ImageError(
            f"has no value over {over} (its largest is {extrema[1]}), so that it marks nothing",
            "write defects as 255 and the rest as 0",
        )


def to_mask(image: Image.Image, over: int = HALF) -> UInt8:
    """Decode an opened mask to uint8 [H, W] in {0, 1}; raises ImageError as ``check_mask`` does."""
    check_mask(image, over)
    return np.asarray(to_rgb(image).max(axis=2) > over, np.uint8)


def read_mask(path: Path, over: int = HALF, sha256: str = "") -> UInt8:
    """Decode a ground-truth mask: 1 where the file's value, 0 to 255, is greater than ``over``, else 0; uint8 [H, W].

    Raises:
        AdshiftError: as ``read_image``, and as ``check_mask`` says.
    """
    try:
        with opened(path, sha256) as image:
            return to_mask(image, over)
    except ImageError as fault:
        raise AdshiftError(f"mask {path} {fault.what}; {fault.remedy}") from fault


def normalise(image: UInt8) -> Tensor:
    """uint8 [..., H, W, 3] to float32 [..., 3, H, W], scaled to [0, 1], then by the ImageNet statistics."""
    import torch

    scaled = torch.from_numpy(np.array(image, copy=True)).movedim(-1, -3).float().div_(255.0)
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD).view(3, 1, 1)
    return scaled.sub_(mean).div_(std).contiguous()
