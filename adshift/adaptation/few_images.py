"""How a fitted model is extended by a few normals of the target domain."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adshift.adaptation.extension import KEYS, Extension, extensions
from adshift.data.pasted import KINDS
from adshift.data.samples import Sample, unit_numbers
from adshift.data.with_defects import with_defects
from adshift.errors import AdshiftError
from adshift.shift.copies import MAX_COPIES, check_families, simulated
from adshift.shift.domain import Domain
from adshift.shift.names import FAMILIES

ALIGNMENTS = ("none", "moments", "covariance")
DEFECT_SIZES = (0.03, 0.06, 0.12)
"""Of the defects that are pasted for the evidence, as fractions of the shorter side: some are to be near the limit."""


@dataclass(frozen=True)
class FewImages:
    """Repairs a fitted model with ``k`` good images a category, seen in the target domain; labels of defects: none.

    They are drawn from the calibration normals, never from the test images, and are the whole calibration role: the
    threshold comes from scores of each by the model that was repaired with the others.

    Where a key is None, how they extend the model is chosen by what they show (``adshift.stages.choice``), or that they do
    not. A key that is not None is kept as it is given; where none of those that act is left, nothing is chosen.

    Attributes:
        k: images a category, >= 1.
        copies: simulated shifted versions of each of them that join the repair, in [0, 1000].
        ratio: share of their patches that joins a memory bank, an image at a time, in (0, 1].
        align: how a memory bank is brought to the target's statistics first: ``none``, ``moments`` (mean and variance
            of each channel) or ``covariance`` (shrunk towards the source's).
        weight: of the target's statistics against the source's, in [0, 1]: in PaDiM's Gaussians, and in ``align``.
        seed: of the draw, the copies and the pasted defects, >= 0.
        keep: share of the fitted memory bank that stays, in (0, 1]; 1 where a finished run from before does not say.
        components: the families that the copies may use; None for all, for statistics of places all but ``geometric``.
    """

    k: int
    copies: int | None = 0
    ratio: float | None = 0.1
    align: str | None = "none"
    weight: float | None = 0.25
    seed: int = 0
    keep: float | None = 1.0
    components: Sequence[str] | None = FAMILIES

    def __post_init__(self) -> None:
        if self.k < 1:
            raise AdshiftError(f"few.k={self.k} must be >= 1; 8 is the default")
        if self.copies is not None and not 0 <= self.copies <= MAX_COPIES:
            raise AdshiftError(
                f"few.copies={self.copies} must be in [0, {MAX_COPIES}], or null for a choice by evidence"
            )
        for name, share in (("ratio", self.ratio), ("keep", self.keep)):
            if share is not None and not 0 < share <= 1:
                raise AdshiftError(f"few.{name}={share} must be in (0, 1], or null for a choice by evidence")
        if self.align is not None and self.align not in ALIGNMENTS:
            raise AdshiftError(f"few.align={self.align} must be one of: {', '.join(ALIGNMENTS)}")
        if self.weight is not None and not 0 <= self.weight <= 1:
            raise AdshiftError(f"few.weight={self.weight} must be in [0, 1]; 0 keeps the source's statistics")
        if self.seed < 0:
            raise AdshiftError(f"few.seed={self.seed} must be >= 0; the default is 0")
        if self.components is not None:
            check_families("few.components", self.components)

    def extensions(self, bank: bool) -> tuple[Extension, ...]:
        """How they may extend a model with or without a memory bank; one where nothing is left to choose."""
        return extensions({key: value for key in KEYS if (value := getattr(self, key)) is not None}, bank)

    def views(self, target: Domain, copies: int, bank: bool) -> tuple[Domain, ...]:
        """The domains that the k images are seen in: the target, and the copies on top of it."""
        families = self.components
        if families is None:
            families = FAMILIES if bank else tuple(f for f in FAMILIES if f != "geometric")
        found = simulated(copies, families, seed=self.seed)
        return (target, *(replace(copy, before=target) for copy in found))

    def pasted(self, images: Sequence[Sample]) -> tuple[tuple[Sample, ...], ...]:
        """The images with a pasted defect each, once for every size; the kinds take turns in both."""
        return tuple(
            with_defects(images, [*KINDS][i:] + [*KINDS][:i], size, self.seed + i)
            for i, size in enumerate(DEFECT_SIZES)
        )


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
