"""Bring the images of a data source onto the disk, and check that they can be read, before anything long starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from adshift.data.images import read_image
from adshift.data.samples import CategoryIndex, Sample, index
from adshift.errors import AdshiftError

ORIENTATION = 0x0112
QUARTER_TURNS = (5, 6, 7, 8)  # values of the EXIF orientation that exchange width and height
SOURCES = ("mvtec", "folder", "synthetic")


def acquire(source: str, root: Path, categories: Sequence[str]) -> list[CategoryIndex]:
    """Download (``mvtec``) or draw (``synthetic``) what is missing, then index it.

    Raises:
        AdshiftError: an unknown source, images that cannot be had, or a broken layout.
    """
    if source == "mvtec":
        from adshift.data import mvtec

        mvtec.ensure(root, categories)
    elif source == "synthetic":
        from adshift.data import synthetic

        synthetic.ensure(root, categories)
    elif source != "folder":
        raise AdshiftError(f"data.source={source} is unknown; choose one of: {', '.join(SOURCES)}")
    return index(root, categories)


def verify_files(root: Path, samples: Iterable[Sample]) -> None:
    """Check every image and mask before anything long starts.

    A PNG's checksums are read; another format has none and is decoded. A mask must have its image's size.

    Raises:
        AdshiftError: names the first file that is broken or does not fit, and how many cannot be read.
    """
    broken: list[str] = []
    misfit: list[str] = []
    for sample in samples:
        sizes: list[tuple[int, int]] = []
        for path in (root / name for name in (sample.path, sample.mask) if name):
            try:
                sizes.append(_verified_size(path))
            except Exception as error:
                broken.append(f"{path} ({str(error).splitlines()[0] if str(error) else type(error).__name__})")
        if len(sizes) == 2 and sizes[0] != sizes[1]:
            (width, height), (mask_width, mask_height) = sizes
            misfit.append(f"{root / str(sample.mask)} is {mask_width} x {mask_height}, its image {width} x {height}")
    if broken:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise AdshiftError(f"image {broken[0]}{more} cannot be read; replace or remove the file")
    if misfit:
        raise AdshiftError(f"mask {misfit[0]}; both must have one size")


def _verified_size(path: Path) -> tuple[int, int]:
    """Width and height as the image is seen, once its file has been found whole."""
    with Image.open(path) as image:
        if image.format == "PNG":
            width, height = image.size
            turned = "exif" in image.info and image.getexif().get(ORIENTATION) in QUARTER_TURNS
            image.verify()
            return (height, width) if turned else (width, height)
    height, width = read_image(path).shape[:2]
    return width, height
