"""Split conformal prediction: a false-alarm rate for new normals, for any distribution and sample size."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np

from adshift.calibration.binomial import tolerance_rank
from adshift.calibration.calibration import Calibration
from adshift.calibration.groups import Normals, normals_in_groups
from adshift.calibration.scores import (
    check_rate,
    exact,
    just_above,
    kth_largest,
    smallest_n,
)
from adshift.errors import AdshiftError


@dataclass(frozen=True)
class Conformal:
    """P(score of a new normal >= threshold) <= alpha if it is exchangeable with the n calibration normals.

    Derivation. Let k = floor(alpha (n + 1)) >= 1 and let the threshold be just above the k-th largest of the
    calibration scores. A new score S reaches it only if at most k - 1 calibration scores are >= S. The
    conformal p-value with ties counted against the alarm, p = (1 + #{i: S_i >= S}) / (n + 1), is then at most
    k / (n + 1) <= alpha. Under exchangeability the rank of S among the n + 1 scores gives
    P(p <= k / (n + 1)) <= k / (n + 1), with equality where ties have probability 0. The probability is over
    the calibration sample and the new normal together (marginal): given one calibration sample, the rate of a
    continuous score is itself random, Beta(k, n + 1 - k).

    Pictures of one series are not exchangeable with a picture of another. Given their groups, the threshold is the lowest
    that the calibration scores reach with a mass of at most alpha (K + 1) - 1, where each of the K groups has mass 1, in
    equal parts: the promise is then about a picture of a new group, n above being K (Lee, Barber, Willett 2023; with a
    group an image it is the rule above).

    The promise is on average over calibration samples. With ``confidence`` it holds for at least that share of them: k is
    then the largest for which P(Beta(k, n + 1 - k) <= alpha) >= confidence, and of a group one picture counts, drawn by a
    fixed seed, for then the rate has that distribution. It costs recall: n = 99, alpha = 0.05 and confidence = 0.9 take k
    from 5 to 2.

    Where n < 1 / alpha - 1, k is 0 and only an infinite threshold has the promise. The threshold is then just
    above the largest score (k = 1), the promised rate is 1 / (n + 1), which is more than alpha, and a warning
    says which n is needed.

    Sources: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2005 (inductive conformal
    predictors); Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, JASA 2018 (split conformal); Angelopoulos and
    Bates, A Gentle Introduction to Conformal Prediction, 2021; for groups `adshift.calibration.groups`; for the
    confidence Vovk, Conditional validity of inductive conformal predictors, ACML 2012 (training-conditional validity).

    Args:
        alpha: the false-alarm rate, in (0, 1).
        confidence: 0 for a promise on average, else the share of calibration samples that keep it, in (0, 1).

    Raises:
        AdshiftError: alpha outside (0, 1), confidence outside [0, 1).
    """

    alpha: float = 0.05
    confidence: float = 0.0
    kind: ClassVar[str] = "conformal"
    needs_anomalies: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_rate("threshold.alpha", self.alpha)
        number = isinstance(self.confidence, int | float) and not isinstance(self.confidence, bool)
        if not (number and 0 <= self.confidence < 1):
            raise AdshiftError(
                f"threshold.confidence={self.confidence!r} must be in [0, 1); 0 promises on average, 0.9 is customary"
            )

    def calibrate(self, scores_N: np.ndarray, labels_N: np.ndarray, groups_N: np.ndarray | None = None) -> Calibration:
        """The threshold for N raw scores, from those with label 0; `checked_scores` says what is refused.

        ``groups_N`` as in `Calibrator.calibrate`; ``parameters`` then has their number.
        """
        normals = normals_in_groups(scores_N, labels_N, groups_N)
        if self.confidence:
            return self._confident(normals, scores_N)
        allowed = exact(self.alpha) * (normals.count + 1) - 1
        threshold = just_above(normals.first_beyond(max(allowed, Fraction(0))), scores_N)
        parameters = {"alpha": float(self.alpha), **normals.parameters()}
        if allowed >= 0:
            return Calibration(self.kind, parameters, threshold, normals.score_N.size, float(self.alpha))
        promised = 1 / (normals.count + 1)
        warning = (
            f"conformal: {normals.told} cannot promise alpha={self.alpha:g}, "
            f"at least {smallest_n(self.alpha) - 1} needed; "
            f"the threshold is just above the largest score and promises 1/{normals.count + 1} = {promised:.4g}"
        )
        return Calibration(self.kind, parameters, threshold, normals.score_N.size, promised, (warning,))

    def _confident(self, normals: Normals, scores_N: np.ndarray) -> Calibration:
        """The threshold that keeps alpha for a share ``confidence`` of calibration samples."""
        rank = tolerance_rank(normals.count, self.alpha, self.confidence)
        threshold = just_above(kth_largest(normals.one_a_group(), max(rank, 1)), scores_N)
        parameters = {"alpha": float(self.alpha), "confidence": float(self.confidence), **normals.parameters()}
        if rank:
            return Calibration(self.kind, parameters, threshold, normals.score_N.size, float(self.alpha))
        promised = 1 - (1 - self.confidence) ** (1 / normals.count)
        needed = math.ceil(math.log1p(-self.confidence) / math.log1p(-self.alpha))
        warning = (
            f"conformal: {normals.told} cannot promise alpha={self.alpha:g} with confidence {self.confidence:g}, at least "
            f"{needed} needed; the threshold is just above the largest score and promises {promised:.4g} with it"
        )
        return Calibration(self.kind, parameters, threshold, normals.score_N.size, promised, (warning,))
