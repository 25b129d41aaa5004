"""Image rank figures (AUROC, average precision, best F1) from one sort of raw scores.

Legend: N = images, V = distinct scores, B = replicates.
"""

import numpy as np

from adshift.errors import AdshiftError
from adshift.metrics.curves import AnyArray, FloatArray, defined, f1_peak, precision_area, roc_area


def checked_labels(labels_N: AnyArray, n: int) -> AnyArray:
    """Labels as a boolean array, True = anomalous. Raises AdshiftError unless there are `n` and each is 0 or 1."""
    labels_N = np.asarray(labels_N)
    if labels_N.shape != (n,):
        raise AdshiftError(f"labels of shape {labels_N.shape} do not fit {n} scores; give one label (0 or 1) a score")
    if labels_N.dtype != bool and not np.isin(labels_N, (0, 1)).all():
        wrong = labels_N[~np.isin(labels_N, (0, 1))][0]
        raise AdshiftError(f"label {wrong} must be 0 (normal) or 1 (anomalous); map defect types to 1")
    return labels_N.astype(bool)


def checked_scores(scores_N: AnyArray) -> AnyArray:
    """Scores as a one-dimensional array. Raises AdshiftError for another shape or a NaN."""
    scores_N = np.asarray(scores_N)
    if scores_N.ndim != 1:
        raise AdshiftError(f"scores of shape {scores_N.shape} must be one-dimensional; give one score an image")
    if np.isnan(scores_N).any():
        first = int(np.flatnonzero(np.isnan(scores_N))[0])
        raise AdshiftError(f"score {first} is NaN and cannot be ranked; look for broken images or weights")
    return scores_N


def rank_curve(
    scores_N: AnyArray, labels_N: AnyArray, weights_BN: AnyArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """False and true positives, each (..., V), at every distinct score from the highest to the lowest.

    `weights_BN` (N,) or (B, N) counts an image more than once (a resample); without it each counts once.
    """
    scores_N = checked_scores(scores_N)
    anomalous_N = checked_labels(labels_N, len(scores_N))
    if len(scores_N) == 0:
        raise AdshiftError("0 scores cannot be ranked; give at least one image")
    weights = np.ones(len(scores_N)) if weights_BN is None else np.asarray(weights_BN, np.float64)
    order_N = np.argsort(-scores_N, kind="stable")
    ranked_N = scores_N[order_N]
    last_V = np.flatnonzero(np.append(ranked_N[1:] != ranked_N[:-1], True))  # the last of each group of ties
    weights, anomalous_N = weights[..., order_N], anomalous_N[order_N]
    tp_V = np.cumsum(weights * anomalous_N, axis=-1)[..., last_V]
    fp_V = np.cumsum(weights * ~anomalous_N, axis=-1)[..., last_V]
    return fp_V, tp_V


def auroc(scores_N: AnyArray, labels_N: AnyArray, weights_N: AnyArray | None = None) -> float | None:
    """P(an anomalous image scores above a normal one), ties one half; None where a class is empty.

    Scores are raw distances of any range; labels 0 or 1. Hanley and McNeil, Radiology 1982.
    """
    return defined(roc_area(*rank_curve(scores_N, labels_N, weights_N)))


def average_precision(scores_N: AnyArray, labels_N: AnyArray, weights_N: AnyArray | None = None) -> float | None:
    """Step-wise average precision (scikit-learn's definition); None where a class is empty."""
    return defined(precision_area(*rank_curve(scores_N, labels_N, weights_N)))


def best_f1(scores_N: AnyArray, labels_N: AnyArray, weights_N: AnyArray | None = None) -> float | None:
    """Largest F1 over all thresholds; None where a class is empty.

    The threshold is chosen on these very labels: an upper bound of what a decision reaches, not a promise.
    """
    return defined(f1_peak(*rank_curve(scores_N, labels_N, weights_N)))
