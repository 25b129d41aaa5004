"""What every calibrator asks of its input, and the two exact steps that all of them share."""

import math
from fractions import Fraction

import numpy as np

from adshift.errors import AdshiftError

LEAST_RATE = 1e-12
"""No calibration has the scores that a smaller rate needs."""


def checked_scores(scores_N: np.ndarray, labels_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the normals and of the anomalies, as two float64 vectors.

    Args:
        scores_N: N raw distances of any range, all finite.
        labels_N: N labels, 0 (False) normal and 1 (True) anomalous.

    Raises:
        AdshiftError: shapes that differ or are not one-dimensional, a score that is not finite, a label other
            than 0 and 1, or no normal score at all.
    """
    scores, labels = np.asarray(scores_N), np.asarray(labels_N)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise AdshiftError(
            f"scores of shape {scores.shape} and labels of shape {labels.shape} must be one vector each, "
            "of one length; flatten pixel scores and their masks together"
        )
    if scores.dtype.kind not in "fiu":
        raise AdshiftError(f"scores of dtype {scores.dtype} must be real numbers; give raw distances as floats")
    finite = np.isfinite(scores)
    if not finite.all():
        bad = int(np.argmin(finite))
        raise AdshiftError(f"score {scores[bad]} at position {bad} must be finite; look at that image's features")
    anomalous = labels == 1
    if not (anomalous | (labels == 0)).all():
        raise AdshiftError("labels must be 0 (normal) or 1 (anomalous); binarise them first")
    if anomalous.all():
        raise AdshiftError("0 normal calibration scores, at least 1 needed; hold out normal images for calibration")
    return scores[~anomalous].astype(np.float64), scores[anomalous].astype(np.float64)


def normal_scores(scores_N: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """Scores of the normals alone (float64 vector); `checked_scores` says what is refused."""
    return checked_scores(scores_N, labels_N)[0]


def just_above(score: float, scores_N: np.ndarray) -> float:
    """The smallest threshold that leaves `score` on the normal side of `score >= threshold`.

    The step is one unit in the last place of the scores' own precision: float32 scores give a float32 value,
    so the decision is the same whether the comparison is made in float32 or in float64.
    """
    if np.asarray(scores_N).dtype == np.float32:
        return float(np.nextafter(np.float32(score), np.float32(np.inf)))
    return math.nextafter(score, math.inf)


def kth_largest(scores_N: np.ndarray, k: int) -> float:
    """The k-th largest of N scores (k = 1 is the largest), ties counted one by one; linear time."""
    return float(np.partition(scores_N, scores_N.size - k)[scores_N.size - k])


def check_rate(name: str, rate: float) -> None:
    """Refuse a rate outside (0, 1), or below ``LEAST_RATE``."""
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1:
        raise AdshiftError(f"{name}={rate!r} must be in (0, 1); 0.05 is the usual rate")
    if rate < LEAST_RATE:
        raise AdshiftError(f"{name}={rate!r} must be >= {LEAST_RATE:g}; 0.05 is the usual rate")


def exact(rate: float) -> Fraction:
    """The decimal that the user wrote: 29/100 for 0.29, which is less in binary."""
    return Fraction(repr(float(rate)))


def share_of(rate: float, n: int) -> int:
    """floor(rate * n), exact in the decimal that the user wrote (0.29 * 100 is 29, not 28)."""
    return math.floor(exact(rate) * n)


def smallest_n(alpha: float) -> int:
    """ceil(1 / alpha), exact: the smallest N with floor(alpha N) >= 1."""
    return math.ceil(1 / exact(alpha))
