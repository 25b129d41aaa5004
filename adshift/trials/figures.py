"""What a repair does to decisions: false alarms, recall and their balance, with intervals, and differences of two repairs.

Legend: N = images, B = replicates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adshift.calibration.binomial import binomial_interval
from adshift.calibration.calibration import Calibration, Calibrator
from adshift.calibration.conformal import Conformal
from adshift.metrics.balanced import BALANCED, balanced_accuracy
from adshift.metrics.bootstrap import image_replicates
from adshift.metrics.decision import decision_metrics
from adshift.metrics.ranking import auroc
from adshift.metrics.resampling import Difference, paired_difference, percentile_interval
from adshift.metrics.summary import Figures, Value
from adshift.repairs.worth import promise_broken

IMAGE = ("false_alarm_rate", "recall", BALANCED, "image_auroc")

Array = NDArray[np.float64]


def thresholds(
    calibrator: Calibrator, score_N: Array, fold_N: NDArray[np.int64], group_N: NDArray[np.int64]
) -> tuple[Calibration, ...]:
    """For each fold the calibration on the good images of the other folds: no image takes part in its own threshold.

    ``group_N``: the series of each image, none of which is divided by the folds.
    """
    rests = [fold_N != fold for fold in range(int(fold_N.max()) + 1)]
    return tuple(calibrator.calibrate(score_N[r], np.zeros(int(r.sum()), np.int64), group_N[r]) for r in rests)


def good_images_rule(own: Calibrator, what: str) -> tuple[Calibrator, list[str]]:
    """A run's own rule where it lives on good images alone, else the conformal one; what is to be said of that.

    ``what`` names whose thresholds they are, for the message.
    """
    if not own.needs_anomalies:
        return own, []
    return Conformal(), [f"The run's threshold={own.kind} needs defective images; {what} conformal, 5 %."]


def image_figures(
    score_N: Array, label_N: NDArray[np.int64], threshold_N: Array, counts_BN: NDArray[np.int32]
) -> tuple[dict[str, Value], dict[str, Array]]:
    """The figures ``IMAGE``, and each of them in every resample, [B].

    Args:
        score_N, label_N: raw scores; 0 good, 1 defective, both there.
        threshold_N: what decides on each image.
        counts_BN: how often each is drawn (``adshift.metrics.resampling.resample``).
    """
    found = decision_metrics(score_N, label_N, threshold_N)
    drawn = image_replicates(score_N, label_N, counts_BN, threshold_N)
    recall, alarms = found["recall"], found["false_alarm_rate"]
    assert recall is not None
    assert alarms is not None
    values: dict[str, Value] = {"false_alarm_rate": alarms, "recall": recall, "image_auroc": auroc(score_N, label_N)}
    values[BALANCED] = balanced_accuracy(recall, alarms)
    drawn[BALANCED] = balanced_accuracy(drawn["recall"], drawn["false_alarm_rate"])
    return values, drawn


def with_intervals(
    values: Mapping[str, Value],
    drawn: Mapping[str, Array],
    names: Sequence[str],
    label_N: NDArray[np.int64],
    images: str,
) -> Figures:
    """Some figures with 95 % intervals over the resamples, and the exact ones of the two rates, which are counts.

    Args:
        values, drawn: as of ``image_figures``; more figures may stand in both.
        names: those that are kept, in this order.
        label_N: of the images.
        images: marks the resamples.
    """
    kept: dict[str, Value] = {}
    for name in names:
        interval = percentile_interval(drawn[name])
        kept |= {name: values[name], f"{name}_ci": None if interval is None else list(interval)}
    for name, label in (("recall", 1), ("false_alarm_rate", 0)):
        rate, n = values[name], int((label_N == label).sum())
        assert isinstance(rate, float)
        kept[f"{name}_exact_ci"] = list(binomial_interval(round(rate * n), n))
    return Figures(kept, [], {name: drawn[name] for name in names}, images)


def difference(a: Figures, b: Figures) -> Difference:
    """Balanced accuracy, a - b, paired over the images."""
    return paired_difference(a.point(BALANCED), b.point(BALANCED), a.replicates[BALANCED], b.replicates[BALANCED])


def as_json(found: Difference) -> dict[str, Any]:
    """A difference as JSON values."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(found).items()}


def breaks_its_promise(figures: Figures, promised: float | None) -> bool | None:
    """Whether the false alarms are shown to break what the threshold promises; None where it promises nothing."""
    exact = figures.values["false_alarm_rate_exact_ci"]
    return promise_broken(promised, exact if isinstance(exact, list) else None)
