"""Figures of a decision (score >= threshold): F1, precision, recall, specificity, accuracy, false-alarm rate.

Legend: N = images.
"""

import numpy as np

from adshift.errors import AdshiftError
from adshift.metrics.curves import AnyArray, FloatArray, defined, ratio
from adshift.metrics.ranking import checked_labels, checked_scores

DECISION_FIGURES = ("image_f1", "precision", "recall", "specificity", "accuracy", "false_alarm_rate")


def decide(scores_N: AnyArray, threshold_N: AnyArray | float) -> AnyArray:
    """True where anomalous: score >= threshold. The threshold is one number, or one an image (N,)."""
    scores_N, threshold = checked_scores(scores_N), np.asarray(threshold_N)
    if threshold.shape not in ((), scores_N.shape):
        raise AdshiftError(
            f"thresholds of shape {threshold.shape} do not fit {len(scores_N)} scores; give one, or one an image"
        )
    if np.isnan(threshold).any():
        raise AdshiftError("threshold=nan decides nothing; calibrate first, or leave the decision figures out")
    return np.asarray(scores_N >= threshold)


def decision_rates(tp: FloatArray, fp: FloatArray, fn: FloatArray, tn: FloatArray) -> dict[str, FloatArray]:
    """The decision figures from counts of any one shape, NaN where a figure is undefined.

    F1 and recall need an anomaly, precision a positive decision, specificity and the false-alarm rate a normal.
    """
    specificity = ratio(tn, tn + fp)
    f1 = ratio(2 * tp, 2 * tp + fp + fn)
    return {
        "image_f1": np.where(tp + fn > 0, f1, np.nan),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "specificity": specificity,
        "accuracy": ratio(tp + tn, tp + fp + fn + tn),
        "false_alarm_rate": 1 - specificity,
    }


def decision_counts(scores_N: AnyArray, labels_N: AnyArray, threshold_N: AnyArray | float) -> FloatArray:
    """(N, 4), one row an image: 1 in the column of its outcome, 0 elsewhere.

    The columns are true positive, false positive, false negative, true negative.
    """
    called_N = decide(scores_N, threshold_N)
    anomalous_N = checked_labels(labels_N, len(called_N))
    outcomes = (called_N & anomalous_N, called_N & ~anomalous_N, ~called_N & anomalous_N, ~called_N & ~anomalous_N)
    return np.stack(outcomes, axis=1).astype(np.float64)


def decision_metrics(scores_N: AnyArray, labels_N: AnyArray, threshold_N: AnyArray | float) -> dict[str, float | None]:
    """The decision figures at a threshold; None for each that is undefined.

    Args:
        scores_N: raw image scores (N,).
        labels_N: 0 or 1 (N,).
        threshold_N: one threshold, or one an image (N,), as where categories are pooled.

    Raises AdshiftError for NaN scores, other labels, or shapes that do not fit.
    """
    tp, fp, fn, tn = decision_counts(scores_N, labels_N, threshold_N).sum(axis=0)
    return {name: defined(value) for name, value in decision_rates(tp, fp, fn, tn).items()}
