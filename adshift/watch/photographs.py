"""The parts of a changed line, copied as photographs of it: what a repair takes; and before and after side by side."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from adshift.data.images import read_image
from adshift.errors import AdshiftError
from adshift.report.pictures import GAP
from adshift.shift.pixels import UInt8
from adshift.system.atomic import atomic_path
from adshift.watch.records import Part

DEFECTIVE = "test/bad"
"""Where photographs lie that a person called bad, below those that calibrate (``adshift.data.photographs``)."""
SIDE = 240
"""Longer side of a picture in the comparison, pixels."""


def collect(
    folder: Path, said: Iterable[Part], others: Iterable[Part], labels: Mapping[str, tuple[str, bool]], wanted: int
) -> int:
    """Copy the files of parts into a folder of photographs; returns how many lie there to calibrate on.

    All are taken that a person spoke of, and of the others the first whose files are still there. What a person called
    bad lies in ``test/bad``, all others right in the folder. A file that is gone, or holds other bytes than were judged, is
    left out. Copies that are there already stay; one whose label is new is moved.

    Args:
        folder: made where it does not exist.
        said: parts of the changed line that a person spoke of.
        others: the rest of them, in order; no more are asked for than are needed.
        labels: SHA-256 -> path and whether it is good.
        wanted: how many to calibrate on, unless more are labelled good.
    """
    (folder / DEFECTIVE).mkdir(parents=True, exist_ok=True)
    count = 0
    for part in chain(said, others):
        if count >= wanted and part.sha256 not in labels:
            break
        good = labels.get(part.sha256, ("", True))[1]
        name = file_name(part)
        place, other = folder / name, folder / DEFECTIVE / name
        if not good:
            place, other = other, place
        if other.is_file():
            other.replace(place)
        if not place.is_file() and not _copy(part, place):
            continue
        count += good
    return count


def file_name(part: Part) -> str:
    """A name that no two parts share: what is plain of the file's own, so that it tells the same series, and the number."""
    path = Path(part.path)
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '_', path.stem)[:60]}-{part.number:08}{path.suffix.lower()}"


def _copy(part: Part, place: Path) -> bool:
    try:
        held = Path(part.path).read_bytes()
    except OSError:
        return False
    if hashlib.sha256(held).hexdigest() != part.sha256:
        return False
    with atomic_path(place) as partial:
        partial.write_bytes(held)
    return True


def before_and_after(path: Path, before: Sequence[Path], after: Sequence[Path]) -> bool:
    """Write a PNG with pictures of before in its upper row and of after in its lower one; returns whether there are both.

    Files that cannot be read any more are left out.
    """
    rows = [[picture for picture in map(_small, paths) if picture is not None] for paths in (before, after)]
    if not all(rows):
        return False
    height, width = (max(p.shape[axis] for row in rows for p in row) for axis in (0, 1))
    columns = max(map(len, rows))
    sheet = np.full((2 * height + GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            top, left = y * (height + GAP), x * (width + GAP)
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    with atomic_path(path) as partial:
        Image.fromarray(sheet).save(partial, format="PNG")
    return True


def _small(path: Path) -> UInt8 | None:
    try:
        pixels = read_image(path)
    except AdshiftError:
        return None
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(image)
