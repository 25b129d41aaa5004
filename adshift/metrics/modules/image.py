"""Image figures, one a class: raw scores and labels in batches, the figure over all of them."""

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor

from adshift.metrics.curves import AnyArray
from adshift.metrics.decision import DECISION_FIGURES, decision_metrics
from adshift.metrics.modules.states import ScoreState, joined, one_of, to_tensor
from adshift.metrics.ranking import auroc, average_precision, best_f1


class ImageMetric(ScoreState, ABC):
    """A figure of image scores (N,) and labels (N,), 0 or 1; subclasses say which."""

    def update(self, scores_N: Tensor, labels_N: Tensor) -> None:
        """Add a batch: raw scores of any range (N,), labels 0 or 1 (N,)."""
        self.add_scores(scores_N, labels_N)

    def compute(self) -> Tensor:
        """The figure over everything seen, a float64 scalar, NaN where undefined."""
        return to_tensor(self.figure(joined(self.scores), joined(self.labels)) if len(self.scores) else None)

    @abstractmethod
    def figure(self, scores_N: AnyArray, labels_N: AnyArray) -> float | None:
        """The figure of all scores and labels, None where undefined."""


class ImageAUROC(ImageMetric):
    """Image AUROC on raw scores (see `ranking.auroc`).

    >>> import torch
    >>> metric = ImageAUROC()
    >>> metric.update(torch.tensor([12.0, 15.0, 14.0, 31.0]), torch.tensor([0, 0, 1, 1]))
    >>> metric.compute()
    tensor(0.7500, dtype=torch.float64)
    """

    higher_is_better = True

    def figure(self, scores_N: AnyArray, labels_N: AnyArray) -> float | None:
        return auroc(scores_N, labels_N)


class ImageAveragePrecision(ImageMetric):
    """Image average precision on raw scores (see `ranking.average_precision`).

    >>> import torch
    >>> metric = ImageAveragePrecision()
    >>> metric.update(torch.tensor([12.0, 15.0, 14.0, 31.0]), torch.tensor([0, 0, 1, 1]))
    >>> metric.compute()
    tensor(0.8333, dtype=torch.float64)
    """

    higher_is_better = True

    def figure(self, scores_N: AnyArray, labels_N: AnyArray) -> float | None:
        return average_precision(scores_N, labels_N)


class ImageBestF1(ImageMetric):
    """Largest image F1 over all thresholds (see `ranking.best_f1`): an upper bound, no promise.

    >>> import torch
    >>> metric = ImageBestF1()
    >>> metric.update(torch.tensor([12.0, 15.0, 14.0, 31.0]), torch.tensor([0, 0, 1, 1]))
    >>> metric.compute()
    tensor(0.8000, dtype=torch.float64)
    """

    higher_is_better = True

    def figure(self, scores_N: AnyArray, labels_N: AnyArray) -> float | None:
        return best_f1(scores_N, labels_N)


class ImageDecision(ImageMetric):
    """A figure of the decision score >= threshold: F1 by default (see `decision.decision_metrics`).

    Args:
        threshold: in the scores' own units.
        figure: `image_f1`, `precision`, `recall`, `specificity`, `accuracy` or `false_alarm_rate`.

    >>> import torch
    >>> metric = ImageDecision(threshold=14.0, figure="recall")
    >>> metric.update(torch.tensor([12.0, 15.0, 14.0, 31.0]), torch.tensor([0, 0, 1, 1]))
    >>> metric.compute()
    tensor(1., dtype=torch.float64)
    """

    def __init__(self, threshold: float, figure: str = "image_f1", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = threshold
        self.name = one_of(figure, DECISION_FIGURES)

    def figure(self, scores_N: AnyArray, labels_N: AnyArray) -> float | None:
        return decision_metrics(scores_N, labels_N, self.threshold)[self.name]
