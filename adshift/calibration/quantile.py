"""The empirical quantile: a false-alarm rate kept on the calibration normals themselves."""

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
class Quantile:
    """The smallest threshold that at most alpha of the n calibration normals reach.

    With k = floor(alpha n) it lies just above the (k + 1)-th largest score: at most k scores reach it, ties or
    not, and any lower threshold lets in more. The promise is about the calibration normals alone. A new
    exchangeable normal without ties reaches it at the rate (k + 1) / (n + 1), which may exceed alpha;
    `conformal` corrects for that.

    Raises:
        AdshiftError: alpha outside (0, 1).
    """

    alpha: float = 0.05
    kind: ClassVar[str] = "quantile"
    needs_anomalies: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_rate("threshold.alpha", self.alpha)

    def calibrate(self, scores_N: np.ndarray, labels_N: np.ndarray) -> Calibration:
        """The threshold for N raw scores, from those with label 0; `checked_scores` says what is refused."""
        normal = normal_scores(scores_N, labels_N)
        allowed = share_of(self.alpha, normal.size)
        threshold = just_above(kth_largest(normal, allowed + 1), scores_N)
        alpha = float(self.alpha)
        if allowed > 0:
            return Calibration(self.kind, {"alpha": alpha}, threshold, normal.size, alpha)
        warning = (
            f"quantile: {normal.size} normals cannot resolve alpha={alpha:g}, "
            f"at least {smallest_n(alpha)} needed; the threshold is just above the largest score, "
            f"which a new normal reaches at a rate of up to 1/{normal.size + 1}"
        )
        return Calibration(self.kind, {"alpha": alpha}, threshold, normal.size, alpha, (warning,))
