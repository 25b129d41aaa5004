"""Conformal p-values of images against good ones, and which images of a batch may be called bad by them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adshift.calibration.groups import Normals, normals_in_groups
from adshift.calibration.scores import check_rate
from adshift.errors import AdshiftError

ROUNDED = 10
"""Decimals of a mass of series: enough to tell apart what fewer than 10,000 images can differ by."""
SLACK = 1e-12
"""Relative: p-values and their bounds are quotients of whole numbers, and equal ones may differ in the last bit."""


def conformal_p_values(
    scores_N: ArrayLike, normals_M: Sequence[float], groups_M: Sequence[int] = ()
) -> NDArray[np.float64]:
    """How rare a score at least as high is among good images: p = (1 + #{calibration scores >= s}) / (M + 1).

    Where the calibration images are of K series, each series counts as one, whatever it holds: the p-value is the mean of
    those that one picture a series would give, over all ways to take them, and is one for a picture of a new series
    (`adshift.calibration.groups`).

    If an image is exchangeable with the M calibration images, P(p <= a) <= a for every a: ties count against the alarm,
    as in ``adshift.calibration.conformal.Conformal``, whose decision at alpha is p <= alpha wherever M can promise it.
    The p-values of several images are not independent, since they share the calibration images, but positively dependent
    (PRDS), which is what ``rejected`` needs.

    Args:
        scores_N: N raw scores.
        normals_M: the scores of the M >= 1 calibration normals, ascending.
        groups_M: the series of each, whole numbers; empty where each is one by itself.

    Returns:
        float64 [N] in [1 / (K + 1), 1], where K is the number of series, M at most.

    Source: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2005; Bates, Candes, Lei, Romano, Sesia,
    Testing for outliers with conformal p-values, Annals of Statistics 2023, equation 2 and theorem 2.
    """
    held = _normals(normals_M, groups_M)
    below_N = np.searchsorted(held.score_N, np.asarray(scores_N, np.float64), side="left")
    above_M = np.append(np.cumsum(held.mass_N[::-1])[::-1], 0.0)
    rounded_N = np.round(above_M[below_N], ROUNDED)  # sums of fractions, whose last bits depend on their order
    return np.asarray((1.0 + rounded_N) / (held.count + 1.0), np.float64)


def units(normals_M: Sequence[float], groups_M: Sequence[int]) -> int:
    """K: how many series the calibration images are of."""
    return _normals(normals_M, groups_M).count


def _normals(normals_M: Sequence[float], groups_M: Sequence[int]) -> Normals:
    score_M = np.asarray(normals_M, np.float64)
    return normals_in_groups(score_M, np.zeros(score_M.size, np.int64), np.asarray(groups_M) if len(groups_M) else None)


def rejected(p_values_N: ArrayLike, rate: float) -> NDArray[np.bool_]:
    """Which hypotheses Benjamini and Hochberg's procedure rejects at ``rate``: bool [N].

    Among images so called bad the expected share of good ones is at most ``rate`` times the share of good ones in the
    batch, if the good ones are exchangeable with the calibration images; none called bad counts as a share of 0. Images of
    one series in the batch are not independent, so that for them it is no promise.

    Raises:
        AdshiftError: a rate outside (0, 1).

    Source: Benjamini and Hochberg, Journal of the Royal Statistical Society B 1995; Benjamini and Yekutieli, Annals of
    Statistics 2001 (under positive dependence).
    """
    check_rate("fdr", rate)
    p_N = np.asarray(p_values_N, np.float64)
    ordered = np.sort(p_N)
    under = np.flatnonzero(ordered <= rate * np.arange(1, p_N.size + 1) / max(p_N.size, 1) * (1 + SLACK))
    return p_N <= (ordered[under[-1]] if under.size else -1.0)


def normals_needed(n: int, bad: int, rate: float) -> int:
    """How many calibration normals, or series, it takes before ``bad`` of n images, beyond all of those, are called so.

    The smallest p-value is 1 / (M + 1), and k images that share it are called bad where it is at most rate k / n.
    """
    return max(1, math.ceil(n / (rate * bad) * (1 - SLACK)) - 1)


def batch_threshold(
    scores_N: Sequence[float], normals_M: Sequence[float], rate: float, groups_M: Sequence[int] = ()
) -> float:
    """The score from which on images of a finished batch are called bad at the false discovery rate ``rate``.

    p-values fall with the score, so that what ``rejected`` rejects is what scores highest. Where it rejects nothing, the
    threshold is just above the highest score.

    Raises:
        AdshiftError: a rate outside (0, 1), no calibration score, or no image.
    """
    if not scores_N or not normals_M:
        raise AdshiftError(
            f"{len(scores_N)} images and {len(normals_M)} calibration scores, at least one of each is needed to decide a "
            "batch; use decide=threshold"
        )
    called = np.asarray(scores_N, np.float64)[rejected(conformal_p_values(scores_N, normals_M, groups_M), rate)]
    return float(called.min()) if called.size else math.nextafter(max(scores_N), math.inf)
