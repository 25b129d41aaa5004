"""``data.groups=auto``: the series that names and pictures tell by themselves.

Names are cut at ``_``, ``-``, ``.`` and spaces. Where all have as many parts, every part, and every beginning, is a way to
group them; that one is taken whose groups hold the most alike pictures. Where none holds alike ones, neighbours in name
order are joined that lie nearer to each other than ``RATIO`` of the usual distance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from adshift.data.images import opened, to_rgb
from adshift.data.samples import Sample
from adshift.data.series.likeness import RATIO, Thumbnails, alike_within, in_a_row, thumbnail

THREADS = 4
SEPARATORS = re.compile(r"[_\-. ]+")


@dataclass(frozen=True)
class Way:
    """A way to group pictures: in words, and the name of each one's group."""

    told: str
    groups: tuple[str, ...]


def found(root: Path, samples: Sequence[Sample]) -> Way | None:
    """The series of images in name order; None where there are none.

    Raises:
        ImageError: one cannot be read.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        thumbnails = list(pool.map(_seen(root), samples))
    return by_likeness([sample.path for sample in samples], np.stack(thumbnails)) if thumbnails else None


def by_likeness(paths: Sequence[str], thumbnail_ND: Thumbnails) -> Way | None:
    """The series of N pictures by their paths and thumbnails; ``paths`` ascend."""
    judged = [(alike_within(thumbnail_ND, _numbers(way.groups)), way) for way in _by_names(paths)]
    ratio, best = min(judged, key=lambda pair: pair[0], default=(1.0, None))
    if best is not None and ratio <= RATIO:
        return Way(f"{best.told}, whose pictures lie at {ratio:.2f} of the usual distance", best.groups)
    row = in_a_row(thumbnail_ND)
    if row is None or not row.shown:
        return None
    firsts = np.flatnonzero(np.concatenate([[True], row.next_N > row.near]))
    first_N = firsts[np.searchsorted(firsts, np.arange(len(paths)), side="right") - 1]
    told = f"neighbours in name order, which lie at {row.ratio:.2f} of the usual distance"
    return Way(told, tuple(paths[i] for i in first_N))


def _seen(root: Path) -> Callable[[Sample], Thumbnails]:
    def see(sample: Sample) -> Thumbnails:
        with opened(root / sample.place) as image:
            return thumbnail(to_rgb(image))

    return see


def _by_names(paths: Sequence[str]) -> Iterator[Way]:
    """Every way that the parts of names offer which leaves some images together and some apart."""
    parts = [SEPARATORS.split(PurePosixPath(path).stem) for path in paths]
    if len({len(each) for each in parts}) != 1:
        return
    for i in range(len(parts[0])):
        ways = [Way(f"part {i + 1} of the names", tuple(each[i] for each in parts))]
        ways += [Way(f"the first {i + 1} parts of the names", tuple("_".join(each[: i + 1]) for each in parts))] * (
            i > 0
        )
        yield from (way for way in ways if 1 < len(set(way.groups)) < len(paths))


def _numbers(names: Sequence[str]) -> NDArray[np.int64]:
    return np.asarray(np.unique(names, return_inverse=True)[1], np.int64)
