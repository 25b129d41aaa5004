"""The empirical quantile: a false-alarm rate kept on the calibration normals themselves."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from adshift.calibration.calibration import Calibration
from adshift.calibration.groups import normals_in_groups
from adshift.calibration.scores import check_rate, exact, just_above, smallest_n


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

    def calibrate(self, scores_N: np.ndarray, labels_N: np.ndarray, groups_N: np.ndarray | None = None) -> Calibration:
        """The threshold for N raw scores, from those with label 0; `checked_scores` says what is refused.

        ``groups_N`` as in `Calibrator.calibrate`: each of the K groups has mass 1, and alpha K of it may lie above.
        """
        normals = normals_in_groups(scores_N, labels_N, groups_N)
        allowed = exact(self.alpha) * normals.count
        threshold = just_above(normals.first_beyond(allowed), scores_N)
        alpha, n = float(self.alpha), normals.score_N.size
        parameters = {"alpha": alpha, **normals.parameters()}
        if allowed >= 1:
            return Calibration(self.kind, parameters, threshold, n, alpha)
        warning = (
            f"quantile: {normals.told} cannot resolve alpha={alpha:g}, "
            f"at least {smallest_n(alpha)} needed; the threshold is just above the largest score, "
            f"which a new normal reaches at a rate of up to 1/{normals.count + 1}"
        )
        return Calibration(self.kind, parameters, threshold, n, alpha, (warning,))
