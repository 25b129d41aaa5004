"""Bring the images of a data source onto the disk, and check that they can be read, before anything long starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from adshift.data.samples import CategoryIndex, Sample, index
from adshift.errors import AdshiftError

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
    """Open every image and mask and check its container, without decoding the pixels.

    Raises:
        AdshiftError: names the first file that is broken, and how many are.
    """
    broken: list[str] = []
    for sample in samples:
        for name in filter(None, (sample.path, sample.mask)):
            try:
                with Image.open(root / name) as image:
                    image.verify()
            except Exception as error:
                broken.append(f"{root / name} ({str(error).splitlines()[0] if str(error) else type(error).__name__})")
    if broken:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise AdshiftError(f"image {broken[0]}{more} cannot be read; replace or remove the file")
