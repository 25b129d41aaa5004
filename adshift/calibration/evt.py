"""Extreme value theory: a generalised Pareto tail through the highest normals (peaks over threshold)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from adshift.calibration import gpd
from adshift.calibration.calibration import Calibration
from adshift.calibration.conformal import Conformal
from adshift.calibration.groups import Normals, normals_in_groups
from adshift.calibration.scores import check_rate, share_of
from adshift.errors import AdshiftError

MIN_EXCEEDANCES = 10  # fewer leave two parameters to noise
MAX_SHAPE = 0.5  # from here the probability-weighted moments have no normal limit
MIN_P_VALUE = 0.05
REPLICATES = 499
MAX_TESTED = 1000  # of more excesses (pixels) the bootstrap looks at a seeded subset


@dataclass(frozen=True)
class Tail:
    """Scores above `location`, a share `exceeded` of all: less the location they are generalised Pareto."""

    location: float
    exceeded: float
    shape: float
    scale: float

    def threshold(self, alpha: float) -> float:
        """The score exceeded with probability alpha <= `exceeded`."""
        return self.location + float(gpd.quantile(np.asarray(alpha / self.exceeded), self.shape, self.scale))


def excesses(sorted_N: np.ndarray, share: float) -> np.ndarray:
    """The m = floor(share N), or fewer with ties, excesses > 0 over the (m + 1)-th largest, ascending."""
    location = sorted_N[-1 - share_of(share, sorted_N.size)]
    return np.asarray(sorted_N[np.searchsorted(sorted_N, location, side="right") :] - location)


def fit_tail(sorted_N: np.ndarray, excess_M: np.ndarray) -> Tail:
    """The tail through M >= 2 excesses, not all equal, of N sorted scores."""
    shape_1, scale_1 = gpd.fit_pwm(excess_M[None])
    exceeded = (excess_M.size + 1) / (sorted_N.size + 1)
    return Tail(float(sorted_N[-1] - excess_M[-1]), exceeded, float(shape_1[0]), float(scale_1[0]))


@dataclass(frozen=True)
class EVT:
    """The score that a fitted generalised Pareto tail exceeds with probability alpha.

    With m = floor(tail n), u the (m + 1)-th largest normal score and the excesses fitted with shape xi and
    scale sigma, the threshold is u + sigma / xi ((alpha / z)^(-xi) - 1), where z = (m + 1) / (n + 1) is the
    expected share above an order statistic. It can lie beyond the largest score, so it serves rates that n
    alone cannot resolve; the promised rate, alpha, holds as far as the tail is generalised Pareto and is no
    finite-sample guarantee (at alpha = 0.05 the mean realised rate of six common distributions is 0.054 to
    0.059 for n = 50 to 79, 0.051 to 0.052 for n = 320). Pixel scores of one image depend on each other: the
    fit uses them as they are, its p-value then means little.

    It falls back to `conformal`, with a warning that says why, where there are fewer than 10 exceedances,
    excesses without spread, a shape of 0.5 or more (too heavy), a fitted end of the tail below the largest
    score, alpha not below the share of scores above u (ties), or a goodness-of-fit p-value under 0.05
    (`gpd.goodness_of_fit`). `parameters` then has fallback = "conformal", else "none" with the fit beside it.

    Sources: Pickands, Annals of Statistics 1975; Hosking and Wallis, Technometrics 1987; Coles, An
    Introduction to Statistical Modeling of Extreme Values, 2001, section 4.3.

    Args:
        alpha: promised false-alarm rate, in (0, tail).
        tail: share of the normals that the tail is fitted to, in (0, 1).
        seed: of the goodness-of-fit bootstrap.

    Raises:
        AdshiftError: a value outside its bounds.
    """

    alpha: float = 0.05
    tail: float = 0.2
    seed: int = 0
    kind: ClassVar[str] = "evt"
    needs_anomalies: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_rate("threshold.alpha", self.alpha)
        check_rate("threshold.tail", self.tail)
        if self.alpha >= self.tail:
            raise AdshiftError(
                f"threshold.alpha={self.alpha:g} must be below threshold.tail={self.tail:g}; raise the tail"
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise AdshiftError(f"threshold.seed={self.seed!r} must be a whole number of at least 0; 0 is the default")

    def calibrate(self, scores_N: np.ndarray, labels_N: np.ndarray, groups_N: np.ndarray | None = None) -> Calibration:
        """The threshold for N raw scores, from those with label 0; `checked_scores` says what is refused.

        ``groups_N`` as in `Calibrator.calibrate`: of each group one picture counts, drawn by ``seed``, as the fit takes its
        scores to be independent.
        """
        normals = normals_in_groups(scores_N, labels_N, groups_N)
        normal = np.sort(normals.one_a_group(self.seed))
        given: dict[str, float | int | str] = {
            "alpha": float(self.alpha),
            "tail": float(self.tail),
            "seed": self.seed,
            **normals.parameters(),
        }
        excess_M = excesses(normal, self.tail)
        if excess_M.size < MIN_EXCEEDANCES:
            doubt = (
                f"{excess_M.size} of {normal.size} normals lie above the tail's start (tail={self.tail:g}), "
                f"at least {MIN_EXCEEDANCES} needed"
            )
            return self._fallback(normals, scores_N, given, doubt)
        if excess_M[0] == excess_M[-1]:
            return self._fallback(normals, scores_N, given, f"the {excess_M.size} excesses have no spread")
        tail = fit_tail(normal, excess_M)
        doubt = self._doubt(tail, excess_M)
        if doubt:
            return self._fallback(normals, scores_N, given, doubt)
        fitted = {
            "exceedances": excess_M.size,
            "location": tail.location,
            "shape": tail.shape,
            "scale": tail.scale,
        }
        return Calibration(
            self.kind,
            {**given, "fallback": "none", **fitted},
            tail.threshold(self.alpha),
            normal.size,
            float(self.alpha),
        )

    def _doubt(self, tail: Tail, excess_M: np.ndarray) -> str:
        """Why the fit is poor, or an empty text."""
        if not (math.isfinite(tail.shape) and tail.scale > 0):
            return f"the fit (shape {tail.shape}, scale {tail.scale}) is not a distribution"
        if tail.exceeded <= self.alpha:
            return f"ties leave a share of {tail.exceeded:.4g} in the tail, not more than alpha={self.alpha:g}"
        if tail.shape >= MAX_SHAPE:
            return f"the fitted shape {tail.shape:.3f} is too heavy a tail (must be below {MAX_SHAPE:g})"
        if tail.shape < 0 and excess_M[-1] > -tail.scale / tail.shape:
            return f"the fitted tail (shape {tail.shape:.3f}) ends below the largest score"
        rng = np.random.default_rng(self.seed)
        if excess_M.size > MAX_TESTED:
            excess_M = np.sort(rng.choice(excess_M, MAX_TESTED, replace=False))
        p_value = gpd.goodness_of_fit(excess_M, REPLICATES, rng)
        if p_value < MIN_P_VALUE:
            return f"the fit to {excess_M.size} excesses is poor (p = {p_value:.3f} < {MIN_P_VALUE:g})"
        return ""

    def _fallback(
        self, normals: Normals, scores_N: np.ndarray, given: dict[str, float | int | str], doubt: str
    ) -> Calibration:
        good_N = np.zeros(normals.score_N.size, np.int64)
        conformal = Conformal(self.alpha).calibrate(
            normals.score_N.astype(np.asarray(scores_N).dtype), good_N, normals.group_N
        )
        warnings = (f"evt: {doubt}; the threshold is the conformal one", *conformal.warnings)
        parameters = {**given, "fallback": "conformal"}
        return Calibration(self.kind, parameters, conformal.threshold, conformal.n, conformal.promised_rate, warnings)
