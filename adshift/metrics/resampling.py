"""Stratified resamples of test images, and what is read off replicates of a figure.

Legend: N = images, B = replicates.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from adshift.errors import AdshiftError
from adshift.metrics.curves import AnyArray, FloatArray

LEVEL = 0.95
Interval = tuple[float, float]


def resample(strata_N: AnyArray, replicates: int, seed: int, stream: str = "") -> AnyArray:
    """How often each image is drawn in each replicate, (B, N) int32; draws are with replacement within a stratum.

    A function of its arguments alone, so that two runs on the same images get the same resamples (paired comparison).

    Args:
        strata_N: an integer an image: its label, or category and label where categories are pooled.
        replicates: B, at least 1.
        seed: not negative.
        stream: a name (the category) that sets independent draws apart where several sets share a seed.
    """
    if replicates < 1 or seed < 0:
        raise AdshiftError(
            f"replicates={replicates} must be at least 1 and seed={seed} at least 0; 1000 and 0 are usual"
        )
    strata_N = np.asarray(strata_N)
    generator = np.random.default_rng([seed, zlib.crc32(stream.encode())])
    counts_BN = np.zeros((replicates, len(strata_N)), np.int32)
    for stratum in np.unique(strata_N):
        members = np.flatnonzero(strata_N == stratum)
        drawn = generator.integers(len(members), size=(replicates, len(members)))
        drawn += np.arange(replicates)[:, None] * len(members)
        counts = np.bincount(drawn.ravel(), minlength=drawn.size)
        counts_BN[:, members] = counts.reshape(drawn.shape)
    return counts_BN


def percentile_interval(replicates_B: FloatArray, level: float = LEVEL) -> Interval | None:
    """The central `level` of the replicates; None where fewer than half of them are defined (not NaN)."""
    known = replicates_B[~np.isnan(replicates_B)]
    if 2 * len(known) < len(replicates_B) or not len(known):
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Difference:
    """A - B of one figure on the same images: estimate, 95 % interval and two-sided p-value, None where undefined.

    ``resamples``: those that interval and p-value rest on.
    """

    estimate: float | None
    interval: Interval | None
    p_value: float | None
    resamples: int = 0

    @property
    def above(self) -> bool:
        """Whether the interval lies above 0; False without one."""
        return self.interval is not None and self.interval[0] > 0

    @property
    def below(self) -> bool:
        """Whether the interval lies below 0; False without one."""
        return self.interval is not None and self.interval[1] < 0

    @property
    def least_p(self) -> float:
        """The smallest p-value that so many resamples can give."""
        return 2 / (self.resamples + 1)

    def __neg__(self) -> "Difference":
        """B - A."""
        estimate = None if self.estimate is None else -self.estimate
        interval = None if self.interval is None else (-self.interval[1], -self.interval[0])
        return Difference(estimate, interval, self.p_value, self.resamples)


def paired_difference(
    value_a: float | None, value_b: float | None, replicates_a_B: FloatArray, replicates_b_B: FloatArray
) -> Difference:
    """Paired bootstrap of A - B from replicates that share their resamples (`resample` with the same arguments).

    The p-value is twice the smaller share of replicates on one side of 0, each share counting one replicate more
    (never 0). Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 15.
    """
    if value_a is None or value_b is None:
        return Difference(None, None, None)
    if replicates_a_B.shape != replicates_b_B.shape:
        raise AdshiftError(
            f"{len(replicates_a_B)} and {len(replicates_b_B)} replicates cannot be paired; use one number for both"
        )
    gaps = replicates_a_B - replicates_b_B
    interval = percentile_interval(gaps)
    known = gaps[~np.isnan(gaps)]
    if interval is None:
        return Difference(value_a - value_b, None, None)
    smaller = min(int(np.sum(known <= 0)), int(np.sum(known >= 0)))
    return Difference(value_a - value_b, interval, min(1.0, 2 * (smaller + 1) / (len(known) + 1)), len(known))


@dataclass(frozen=True, slots=True)
class Share:
    """Share of a drop that a regime recovers, its 95 % interval, and why it is None where it is."""

    value: float | None
    interval: Interval | None
    reason: str | None


def recovered_share(
    values: tuple[float | None, float | None, float | None], replicates: tuple[FloatArray, FloatArray, FloatArray]
) -> Share:
    """(regime - none) / (clean - none) with the percentile interval over joint resamples.

    Args:
        values: the figure of (the regime, none, clean), on the same images.
        replicates: their replicates (B,) from the same resamples.

    The share is None, with the reason, where the interval of the drop (clean - none) contains 0: a ratio over nothing.
    """
    regime, none, clean = values
    if regime is None or none is None or clean is None:
        return Share(None, None, "a figure is undefined in one of the three runs")
    if len({each_B.shape for each_B in replicates}) > 1:
        counts = ", ".join(str(len(each_B)) for each_B in replicates)
        raise AdshiftError(f"{counts} replicates cannot be paired; use one number for all three")
    drop = paired_difference(clean, none, replicates[2], replicates[1])
    if drop.interval is None:
        return Share(None, None, "the drop has no interval")
    low, high = drop.interval
    if low <= 0 <= high:
        return Share(None, None, f"the drop's interval [{low:.4f}, {high:.4f}] contains 0: there is nothing to recover")
    with np.errstate(divide="ignore", invalid="ignore"):
        shares_B = (replicates[0] - replicates[1]) / (replicates[2] - replicates[1])
    return Share(
        (regime - none) / (clean - none), percentile_interval(np.where(np.isfinite(shares_B), shares_B, np.nan)), None
    )
