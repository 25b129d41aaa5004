"""How a fitted model is extended by a few normals of the target domain."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adshift.data.samples import Sample, unit_numbers
from adshift.errors import AdshiftError
from adshift.shift.copies import simulated
from adshift.shift.domain import Domain

ALIGNMENTS = ("none", "moments", "covariance")


@dataclass(frozen=True)
class FewImages:
    """Repairs a fitted model with ``k`` good images a category, seen in the target domain; labels of defects: none.

    They are drawn from the calibration normals, never from the test images, and are the whole calibration role: the
    threshold comes from scores of each by the model that was repaired with the others.

    Attributes:
        k: images a category, >= 1.
        copies: simulated shifted versions of each of them that join the repair, in [0, 1000].
        ratio: share of their patches that joins a memory bank, an image at a time, in (0, 1].
        align: how a memory bank is brought to the target's statistics first: ``none``, ``moments`` (mean and variance
            of each channel) or ``covariance`` (shrunk towards the source's).
        weight: of the target's statistics against the source's, in [0, 1]: in PaDiM's Gaussians, and in ``align``.
        seed: of the draw, >= 0.
    """

    k: int
    copies: int = 0
    ratio: float = 0.1
    align: str = "none"
    weight: float = 0.25
    seed: int = 0

    def __post_init__(self) -> None:
        if self.k < 1:
            raise AdshiftError(f"few.k={self.k} must be >= 1; 8 is the default")
        if not 0 <= self.copies <= 1000:
            raise AdshiftError(f"few.copies={self.copies} must be in [0, 1000]")
        if not 0 < self.ratio <= 1:
            raise AdshiftError(f"few.ratio={self.ratio} must be in (0, 1]")
        if self.align not in ALIGNMENTS:
            raise AdshiftError(f"few.align={self.align} must be one of: {', '.join(ALIGNMENTS)}")
        if not 0 <= self.weight <= 1:
            raise AdshiftError(f"few.weight={self.weight} must be in [0, 1]; 0 keeps the source's statistics")
        if self.seed < 0:
            raise AdshiftError(f"few.seed={self.seed} must be >= 0; the default is 0")

    def views(self, target: Domain) -> tuple[Domain, ...]:
        """The domains that the k images are seen in: the target, and the copies on top of it."""
        return (target, *(replace(copy, before=target) for copy in simulated(self.copies, seed=self.seed)))


def draw(few: FewImages, calibration: Sequence[Sample], categories: Sequence[str]) -> tuple[Sample, ...]:
    """k calibration normals of each category, drawn by ``few.seed``, in the role's order; a larger k keeps a smaller's.

    They are of as many series as can be: the second image of one comes after the first of every other.

    Raises:
        AdshiftError: a category has fewer.
    """
    chosen: set[Sample] = set()
    for category in categories:
        normals = sorted(s for s in calibration if s.category == category and s.label == 0)
        if len(normals) < few.k:
            remedy = f"use few.k={len(normals)}, or give more" if normals else "give some"
            raise AdshiftError(
                f"few.k={few.k} images are drawn from the calibration normals, and the split leaves {category} "
                f"{len(normals)}; {remedy}"
            )
        chosen |= {normals[i] for i in drawn_places(range(len(normals)), unit_numbers(normals), few)}
    return tuple(s for s in calibration if s in chosen)


def drawn_places(pool: Iterable[int], group_N: NDArray[np.int64], few: FewImages) -> list[int]:
    """k of some places, drawn by ``few.seed``, of as many series as can be.

    Args:
        pool: places among N images.
        group_N: the series of each.
        few: how many.
    """
    places = list(pool)
    random.Random(few.seed).shuffle(places)
    met: Counter[int] = Counter()
    turn = {}
    for place in places:  # the first of every series come first, then the second ones
        turn[place] = met[group_N[place]]
        met[group_N[place]] += 1
    return sorted(places, key=turn.__getitem__)[: few.k]
