"""Split conformal prediction: a false-alarm rate for new normals, for any distribution and sample size."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from adshift.calibration.calibration import Calibration
from adshift.calibration.scores import (
    check_rate,
    just_above,
    kth_largest,
    normal_scores,
    share_of,
    smallest_n,
)


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

    Where n < 1 / alpha - 1, k is 0 and only an infinite threshold has the promise. The threshold is then just
    above the largest score (k = 1), the promised rate is 1 / (n + 1), which is more than alpha, and a warning
    says which n is needed.

    Sources: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2005 (inductive conformal
    predictors); Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, JASA 2018 (split conformal); Angelopoulos and
    Bates, A Gentle Introduction to Conformal Prediction, 2021.

    Raises:
        AdshiftError: alpha outside (0, 1).
    """

    alpha: float = 0.05
    kind: ClassVar[str] = "conformal"
    needs_anomalies: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_rate("threshold.alpha", self.alpha)

    def calibrate(self, scores_N: np.ndarray, labels_N: np.ndarray) -> Calibration:
        """The threshold for N raw scores, from those with label 0; `checked_scores` says what is refused."""
        normal = normal_scores(scores_N, labels_N)
        rank = share_of(self.alpha, normal.size + 1)
        threshold = just_above(kth_largest(normal, max(rank, 1)), scores_N)
        parameters: dict[str, float | int | str] = {"alpha": float(self.alpha)}
        if rank > 0:
            return Calibration(self.kind, parameters, threshold, normal.size, float(self.alpha))
        promised = 1 / (normal.size + 1)
        warning = (
            f"conformal: {normal.size} normals cannot promise alpha={self.alpha:g}, "
            f"at least {smallest_n(self.alpha) - 1} needed; "
            f"the threshold is just above the largest score and promises 1/{normal.size + 1} = {promised:.4g}"
        )
        return Calibration(self.kind, parameters, threshold, normal.size, promised, (warning,))
