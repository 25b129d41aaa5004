"""In which looks two sets of pictures differ, against the spread of the first."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adshift.appearance.looks import LOOKS, Look
from adshift.correction.spread import Spread
from adshift.metrics.multiple import holm

LEVEL = 0.01
"""Of the test, after Holm's correction for the number of looks."""
LEAST = 1.0
"""Spreads that the middle must have moved by: with many pictures a test finds what nobody would call a change."""
FEWEST = 5
"""Pictures with a value that each set must hold for a look to be compared."""


@dataclass(frozen=True)
class Change:
    """One look in two sets of pictures.

    Attributes:
        look: which.
        before, after: the medians, in the look's unit.
        spread: of the first set, robust (1.4826 x the median absolute deviation), at least the look's floor.
        p_value: two-sided Mann-Whitney test; in [0, 1].
        p_holm: the same by Holm's correction over the looks compared.
    """

    look: Look
    before: float
    after: float
    spread: float
    p_value: float
    p_holm: float

    @property
    def moved(self) -> float:
        """How far the middle has moved, in spreads of the first set; signed."""
        return (self.after - self.before) / self.spread

    @property
    def shown(self) -> bool:
        """Whether it is shown to have changed, by as much as matters."""
        return self.p_holm < LEVEL and abs(self.moved) >= LEAST


def changes(before_NQ: ArrayLike, after_MQ: ArrayLike) -> tuple[Change, ...]:
    """The looks that can be compared, the largest change first.

    Args:
        before_NQ: rows of ``adshift.appearance.looks.measured`` of N pictures: what is usual.
        after_MQ: of M others.

    Source: Mann and Whitney, Annals of Mathematical Statistics 1947; Holm, Scandinavian Journal of Statistics 1979.
    """
    first, second = (np.atleast_2d(np.asarray(rows, np.float64)) for rows in (before_NQ, after_MQ))
    found = [_compared(look, first[:, i], second[:, i]) for i, look in enumerate(LOOKS)]
    kept = [change for change in found if change is not None]
    corrected = holm([change.p_value for change in kept])
    told = [replace(change, p_holm=p) for change, p in zip(kept, corrected, strict=True)]
    return tuple(sorted(told, key=lambda change: (not change.shown, -abs(change.moved))))


def _compared(look: Look, first: NDArray[np.float64], second: NDArray[np.float64]) -> Change | None:
    """The look by itself; None where too few pictures of either set have a value: half of them, and at least ``FEWEST``."""
    from scipy.stats import mannwhitneyu

    a, b = (values[np.isfinite(values)] for values in (first, second))
    if any(len(kept) < max(FEWEST, len(all_) / 2) for kept, all_ in ((a, first), (b, second))):
        return None
    spread = Spread.of(a[:, None], look.floor)
    p_value = float(mannwhitneyu(a, b, alternative="two-sided").pvalue)
    return Change(look, spread.middle[0], float(np.median(b)), spread.width[0], p_value, p_value)


def in_words(change: Change) -> str:
    """One change as a sentence part: what, from what to what, and against which spread."""
    towards = change.look.up if change.moved > 0 else change.look.down
    unit = f" {change.look.unit}" if change.look.unit else ""
    return (
        f"{change.look.name}: {towards}, {change.before:.3g} to {change.after:.3g}{unit}, {abs(change.moved):.1f} times "
        "the spread of the train images"
    )
