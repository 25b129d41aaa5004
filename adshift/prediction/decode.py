"""Images of many kinds brought to what the model sees, a few ahead of it: memory does not grow with their number."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adshift.allocator import give_back_freed_memory
from adshift.data.correction import Correction
from adshift.data.images import decoding_bytes, read_image, suspicious_values, to_rgb
from adshift.data.listing import find_images
from adshift.errors import AdshiftError
from adshift.shift.pixels import UInt8, resize_image
from adshift.system.room import Room
from adshift.system.threads import Helpers

ImageLike = str | os.PathLike[str] | Image.Image | NDArray[np.uint8]
"""A file, a Pillow image, or uint8 [H, W, 3] (RGB), [H, W] or [H, W, 1] (grey)."""
KINDS = "a path, a Pillow image, or a uint8 array [H, W, 3] (RGB), [H, W] or [H, W, 1] (grey)"

ROOM = Room(1_600_000_000)
"""Bytes for images at their own size, whatever the number of threads that hold some."""
LARGE = 1 << 26
"""An image that takes more does not leave its memory to the next one: in pieces, that of several threads would add up."""
CORRECTION = 48
"""Bytes a pixel of an image that is corrected, at most: its luma and chroma as floats, before and after."""

PATIENCE = 2.0
"""Seconds that a program which ends waits for images in the midst of being decoded."""


@dataclass(frozen=True)
class Decoded:
    """One image, ready to be scored, or why it is not.

    Attributes:
        name: its path, or ``image N`` (from 0) for one that has none.
        pixels: uint8 [S, S, 3]; None where it could not be read.
        error: why it could not; empty where it could.
        note: what should be known of its values, with its name; empty where there is nothing.
        shape: its own height and width.
    """

    name: str
    pixels: UInt8 | None
    error: str = ""
    note: str = ""
    shape: tuple[int, int] = (0, 0)


@contextmanager
def room_for(size: int, further: int = 0) -> Iterator[Callable[[Image.Image], None]]:
    """A function that waits for ``ROOM`` for what ``rgb`` is about to decode; the block's end gives it back.

    The image must be gone by then.

    Args:
        size: S, the side that it is brought to: in between it has S columns, where it is narrow more than of its own.
        further: bytes a pixel for what is done to it.
    """
    with ExitStack() as place:

        def take(image: Image.Image) -> None:
            wanted = decoding_bytes(image) + further * image.width * image.height + 7 * size * max(image.size)
            place.enter_context(ROOM.taken(wanted))
            if wanted > LARGE:
                place.callback(give_back_freed_memory)

        yield take


def rgb(image: Any, before: Callable[[Image.Image], None]) -> UInt8:
    """Any of the kinds as RGB, uint8 [H, W, 3]; ``before`` is called with what is to be decoded."""
    if isinstance(image, str | os.PathLike):
        return read_image(Path(image), before=before)
    if isinstance(image, Image.Image):
        before(image)
        return to_rgb(image)
    if not isinstance(image, np.ndarray):
        raise AdshiftError(f"{given(image)} is no image; give {KINDS}")
    grey = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1)
    if image.dtype != np.uint8 or 0 in image.shape or not (grey or (image.ndim == 3 and image.shape[2] == 3)):
        raise AdshiftError(f"{given(image)} is no image; give {KINDS}")
    return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2) if grey else image


def given(value: Any) -> str:
    """What was given in the place of an image, in words.

    >>> given(b"PNG"), given(7), given(np.zeros((8, 8, 4), np.uint8))
    ('3 bytes', '7 of type int', 'ndarray of shape (8, 8, 4) and type uint8')
    """
    kind = type(value).__name__
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{kind} of shape {tuple(value.shape)} and type {value.dtype}"
    text = " ".join(repr(value).split())
    return f"{text if len(text) <= 60 else text[:57] + '...'} of type {kind}"


def is_one(images: Any) -> bool:
    """Whether this was given as one image, of whatever kind, and not as several.

    >>> [is_one(x) for x in ("a.png", b"PNG", np.zeros((8, 8)), np.zeros((2, 8, 8, 3)), ["a.png"], np.array(["a.png"]))]
    [True, True, True, False, False, False]
    """
    if isinstance(images, str | os.PathLike | Image.Image | bytes | bytearray | memoryview) or hasattr(images, "read"):
        return True
    shape = getattr(images, "shape", None)
    if shape is None:
        return not isinstance(images, Iterable)
    of_names = len(shape) == 1 and getattr(images.dtype, "kind", "") in "OU"
    return len(shape) < 4 and not of_names and shape[:1] != (0,)


def each(images: Iterable[Any]) -> Iterator[Any]:
    """The images, in the place of a folder those in it and below it.

    Raises:
        AdshiftError: a folder cannot be listed.
    """
    for image in images:
        if isinstance(image, str | os.PathLike) and os.path.isdir(image):
            yield from find_images(image).images or [image]
        else:
            yield image


def decode(name: str, image: Any, size: int, correction: Correction | None = None) -> Decoded:
    """Read, correct and resize one image; whatever is wrong with it becomes ``error``, in one line."""
    try:
        with room_for(size, 0 if correction is None else CORRECTION) as take:
            return _brought(name, rgb(image, take), size, correction)
    except Exception as error:  # a decoder may raise anything on broken bytes
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Decoded(name, None, reason if isinstance(error, AdshiftError) else f"{name} cannot be read ({reason})")


def _brought(name: str, pixels: UInt8, size: int, correction: Correction | None) -> Decoded:
    told = suspicious_values(pixels)
    shape = (pixels.shape[0], pixels.shape[1])
    seen = resize_image(pixels if correction is None else correction.apply(pixels, None)[0], size)
    return Decoded(name, seen, note=f"{name} {told[0]}; {told[1]}" if told else "", shape=shape)


def decode_all(
    images: Iterable[ImageLike], size: int, threads: int, ahead: int, correction: Correction | None = None
) -> Iterator[Decoded]:
    """Decode images in their order.

    Args:
        images: any number of them; taken as they are needed. A folder gives its images, or an error where it has none.
        size: S, the side they are brought to.
        threads: that decode beside the caller; 0 decodes when asked.
        ahead: images decoded before they are asked for, at most, >= 1.
        correction: the run's own, at the image's own size; None leaves images as they are.
    """
    named = (
        (os.fspath(x) if isinstance(x, str | os.PathLike) else f"image {i}", x) for i, x in enumerate(each(images))
    )
    if threads == 0:
        yield from (decode(name, image, size, correction) for name, image in named)
        return
    pool, waiting = Helpers[Decoded](threads), deque[Future[Decoded]]()
    try:
        for name, image in named:
            waiting.append(pool.submit(decode, name, image, size, correction))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        pool.close(PATIENCE)
