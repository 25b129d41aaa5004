"""Mean plus k standard deviations: the control chart's rule."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from adshift.calibration.calibration import Calibration
from adshift.calibration.groups import normals_in_groups
from adshift.calibration.scores import just_above
from adshift.errors import AdshiftError


@dataclass(frozen=True)
class Sigma:
    """mean + k standard deviations (ddof = 1) of the calibration normals.

    The promised rate, 1 - Phi(k), holds only if the scores are Gaussian and n is large. Image scores are
    maxima and lean to the right, so the realised rate is usually higher; for Gaussian scores and small n it
    is the upper tail of Student's t with n - 1 degrees of freedom at k sqrt(n / (n + 1)) (n = 20, k = 3:
    0.0043 instead of 0.0013).

    Raises:
        AdshiftError: k not a finite positive number.
    """

    k: float = 3.0
    kind: ClassVar[str] = "sigma"
    needs_anomalies: ClassVar[bool] = False

    def __post_init__(self) -> None:
        number = isinstance(self.k, int | float) and not isinstance(self.k, bool)
        if not (number and 0 < self.k < math.inf):
            raise AdshiftError(f"threshold.k={self.k!r} must be a finite number above 0; 3 is the usual one")

    def calibrate(self, scores_N: np.ndarray, labels_N: np.ndarray, groups_N: np.ndarray | None = None) -> Calibration:
        """The threshold for N raw scores, from those with label 0.

        ``groups_N`` as in `Calibrator.calibrate`: of each group one picture counts, drawn by a fixed seed, as alike
        pictures spread less than those of several groups. Equal scores have no spread: the threshold is then just above
        them, with a warning.

        Raises:
            AdshiftError: fewer than 2 normals, and whatever `checked_scores` refuses.
        """
        normals = normals_in_groups(scores_N, labels_N, groups_N)
        normal = normals.one_a_group()
        if normal.size < 2:
            raise AdshiftError(
                "threshold=sigma with 1 normal calibration score, or group of them, needs at least 2 for a deviation; "
                "hold out more normal images or use threshold=conformal"
            )
        threshold = float(normal.mean() + self.k * normal.std(ddof=1))
        warnings: tuple[str, ...] = ()
        if normal.min() == normal.max():
            threshold = just_above(float(normal[0]), scores_N)
            warnings = (f"sigma: all {normal.size} normal scores are equal; the threshold is just above them",)
        promised = 0.5 * math.erfc(self.k / math.sqrt(2))
        parameters = {"k": float(self.k), **normals.parameters()}
        return Calibration(self.kind, parameters, threshold, normal.size, promised, warnings)
