"""Figures over several test sets (categories, domains): the average relative drop, and mean ranks.

Legend: N = test sets, K = what competes, B = replicates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from adshift.metrics.comparison import check_paired
from adshift.metrics.curves import FloatArray
from adshift.metrics.resampling import Interval, percentile_interval
from adshift.metrics.summary import Figures


@dataclass(frozen=True, slots=True)
class Average:
    """A mean over ``n`` test sets and its 95 % interval; None where there is none."""

    value: float | None
    interval: Interval | None
    n: int


def relative_drop(pairs: Sequence[tuple[Figures, Figures]], name: str) -> Average:
    """Mean of (clean - shifted) / clean of the figure ``name``, each test set counting alike; 0.1 is a tenth lost.

    A pair counts where both figures are defined and the clean one is not 0. A replicate is the mean over the pairs, so that
    pairs on the same images, resampled alike, move together; there is an interval where all have equally many replicates.

    Args:
        pairs: clean and shifted figures of the same images, resampled alike, which is checked.
    """
    known: list[tuple[float, float]] = []
    drawn: list[FloatArray] = []
    for clean, shifted in pairs:
        check_paired(clean, shifted)
        before, after = clean.point(name), shifted.point(name)
        if not before or after is None:
            continue
        known.append((before, after))
        if name in clean.replicates and name in shifted.replicates:
            drawn.append(_drop(clean.replicates[name], shifted.replicates[name]))
    if not known:
        return Average(None, None, 0)
    value = float(np.mean([(before - after) / before for before, after in known]))
    whole = len(drawn) == len(known) and len({each_B.shape for each_B in drawn}) == 1
    return Average(value, percentile_interval(np.mean(drawn, axis=0)) if whole else None, len(known))


def _drop(clean_B: FloatArray, shifted_B: FloatArray) -> FloatArray:
    """NaN where a resample's clean figure is 0 or undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        drop_B = (clean_B - shifted_B) / clean_B
    return np.where(np.isfinite(drop_B), drop_B, np.nan)


def mean_ranks(values_NK: ArrayLike) -> list[float]:
    """The mean rank of each of K over N test sets, in [1, K]: 1 is the highest value of a set, equal ones share a rank.

    Source: Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, 2006, section 3.2.2.

    Examples:
        >>> mean_ranks([[0.9, 0.8, 0.8], [0.9, 0.7, 0.6]])
        [1.0, 2.25, 2.75]
    """
    from scipy.stats import rankdata

    return [float(rank) for rank in rankdata(-np.asarray(values_NK, np.float64), axis=1).mean(axis=0)]
