"""What an image's header tells, and whether its file is whole, without decoding it where the format allows that."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from adshift.data.images import opened, to_rgb

ORIENTATION = 0x0112
QUARTER_TURNS = (5, 6, 7, 8)  # values of the EXIF orientation that exchange width and height
END_OF_JPEG = b"\xff\xd9"
STRIPS, STRIP_BYTES, TILES, TILE_BYTES = 273, 279, 324, 325  # tags of TIFF 6.0


@dataclass(frozen=True)
class Header:
    """An image as its header describes it.

    Attributes:
        width, height: pixels, as the image is seen once its EXIF rotation is applied.
        grey: one channel instead of three.
        orientation: the EXIF orientation, 1 to 8; 1 = upright.
    """

    width: int
    height: int
    grey: bool
    orientation: int

    @property
    def size(self) -> str:
        """``WIDTH x HEIGHT``."""
        return f"{self.width} x {self.height}"


def read_header(path: Path) -> Header:
    """Read a header and make sure that the file is whole.

    A PNG's checksums are read; a JPEG must end as one; the pixels of an uncompressed BMP and the strips of a TIFF must lie
    inside the file. Where that cannot be told, the image is decoded.

    Raises:
        ImageError: the file is missing, broken, too large or refused.
    """
    with opened(path) as image:
        orientation = int(Image.Image.getexif(image).get(ORIENTATION) or 1)  # a PNG's own getexif would decode it
        width, height = image.size
        if orientation in QUARTER_TURNS and image.format != "TIFF":  # Pillow turns a TIFF's size itself
            width, height = height, width
        header = Header(width, height, image.mode in ("1", "L", "LA") or image.mode.startswith("I;16"), orientation)
        if image.format == "PNG":
            image.verify()
        elif not _is_whole(path, image):
            to_rgb(image)
    return header


def _is_whole(path: Path, image: Any) -> bool:
    """Whether the end of the pixels is in the file for certain."""
    size = path.stat().st_size
    if image.format in ("JPEG", "MPO"):
        return _last_bytes(path) == END_OF_JPEG
    if image.format == "BMP" and len(image.tile) == 1 and image.tile[0].codec_name == "raw":
        tile = image.tile[0]
        return bool(tile.offset + tile.args[1] * image.size[1] <= size)
    if image.format == "TIFF":
        tags = image.tag_v2
        for starts, lengths in ((STRIPS, STRIP_BYTES), (TILES, TILE_BYTES)):
            if starts in tags and lengths in tags and len(tags[starts]) == len(tags[lengths]):
                return all(a + b <= size for a, b in zip(tags[starts], tags[lengths], strict=True))
    return False


def _last_bytes(path: Path) -> bytes:
    with path.open("rb") as handle:
        handle.seek(-2, os.SEEK_END)
        return handle.read()
