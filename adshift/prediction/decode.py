"""Images of many kinds brought to what the model sees, a few ahead of it: memory does not grow with their number."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adshift.data.correction import Correction
from adshift.data.images import read_image, to_rgb
from adshift.errors import AdshiftError
from adshift.shift.pixels import UInt8, resize_image

ImageLike = str | Path | Image.Image | NDArray[np.uint8]
"""A file, a Pillow image, or uint8 [H, W, 3] (RGB) or [H, W]."""
KINDS = "a path, a Pillow image, or a uint8 array [H, W, 3] (RGB) or [H, W]"


@dataclass(frozen=True)
class Decoded:
    """One image, ready to be scored, or why it is not.

    Attributes:
        name: its path, or ``image N`` (from 0) for one that has none.
        pixels: uint8 [S, S, 3]; None where it could not be read.
        error: why it could not; empty where it could.
        shape: its own height and width.
    """

    name: str
    pixels: UInt8 | None
    error: str = ""
    shape: tuple[int, int] = (0, 0)


def rgb(image: Any) -> UInt8:
    """Any of the kinds as RGB, uint8 [H, W, 3].

    Raises:
        AdshiftError: another kind, or a file that cannot be read.
    """
    if isinstance(image, str | Path):
        return read_image(Path(image))
    if isinstance(image, Image.Image):
        return to_rgb(image)
    if not isinstance(image, np.ndarray):
        raise AdshiftError(f"an image of type {type(image).__name__} must be {KINDS}")
    grey = image.ndim == 2
    if image.dtype != np.uint8 or 0 in image.shape or not (grey or (image.ndim == 3 and image.shape[2] == 3)):
        raise AdshiftError(f"an image of shape {image.shape} and type {image.dtype} must be {KINDS}")
    return np.repeat(image[:, :, None], 3, axis=2) if grey else image


def decode(name: str, image: Any, size: int, correction: Correction | None = None) -> Decoded:
    """Read, correct and resize one image; whatever is wrong with it becomes ``error``, in one line."""
    try:
        pixels = rgb(image)
        seen = pixels if correction is None else correction.apply(pixels, None)[0]
        return Decoded(name, resize_image(seen, size), shape=(pixels.shape[0], pixels.shape[1]))
    except Exception as error:  # a decoder may raise anything on broken bytes
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Decoded(name, None, reason if isinstance(error, AdshiftError) else f"{name} cannot be read ({reason})")


def decode_all(
    images: Iterable[ImageLike], size: int, threads: int, ahead: int, correction: Correction | None = None
) -> Iterator[Decoded]:
    """Decode images in their order.

    Args:
        images: any number of them; taken as they are needed.
        size: S, the side they are brought to.
        threads: that decode beside the caller; 0 decodes when asked.
        ahead: images decoded before they are asked for, at most, >= 1.
        correction: the run's own, at the image's own size; None leaves images as they are.
    """
    named = ((str(x) if isinstance(x, str | Path) else f"image {i}", x) for i, x in enumerate(images))
    if threads == 0:
        yield from (decode(name, image, size, correction) for name, image in named)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Decoded]] = deque()
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
