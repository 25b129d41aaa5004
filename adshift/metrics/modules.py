"""torchmetrics classes over the pure functions: states are raw scores, gathered and concatenated over processes.

Nothing is squashed: torchmetrics' own binary curves apply a sigmoid to scores outside [0, 1], which distances are.
`compute` returns a scalar tensor, NaN where the figure is undefined (a tensor cannot be None).
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from adshift.errors import AdshiftError
from adshift.metrics.curves import AnyArray
from adshift.metrics.decision import DECISION_FIGURES, decision_metrics
from adshift.metrics.pixel import PixelRanking, pixel_decision, region_sizes
from adshift.metrics.ranking import auroc, average_precision, best_f1

PIXEL_DECISIONS = ("pixel_f1", "pixel_iou")


def _scalar(figure: float | None) -> Tensor:
    return torch.tensor(float("nan") if figure is None else figure)


def _array(tensor: Tensor) -> AnyArray:
    """As numpy, float32 at least (numpy has no bfloat16), float64 kept: no two scores may become one."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32)).cpu().numpy()


def _one_of(figure: str, figures: tuple[str, ...]) -> str:
    if figure not in figures:
        raise AdshiftError(f"figure={figure!r} must be one of {', '.join(figures)}")
    return figure


class ImageMetric(Metric, ABC):
    """A figure of image scores (N,) and labels (N,), 0 or 1; subclasses say which."""

    full_state_update = False
    scores: list[Tensor]
    labels: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("scores", default=[], dist_reduce_fx="cat")
        self.add_state("labels", default=[], dist_reduce_fx="cat")

    def update(self, scores_N: Tensor, labels_N: Tensor) -> None:
        """Add a batch: raw scores of any range (N,), labels 0 or 1 (N,)."""
        self.scores.append(scores_N.detach().reshape(-1))
        self.labels.append(labels_N.detach().reshape(-1))

    def compute(self) -> Tensor:
        """The figure over everything seen, NaN where undefined."""
        if not self.scores:
            return _scalar(None)
        scores_N, labels_N = dim_zero_cat(self.scores), dim_zero_cat(self.labels)
        return _scalar(self.figure(_array(scores_N), labels_N.cpu().numpy()))

    @abstractmethod
    def figure(self, scores_N: AnyArray, labels_N: AnyArray) -> float | None:
        """The figure of all scores and labels, None where undefined."""


class ImageAUROC(ImageMetric):
    """Image AUROC on raw scores (see `ranking.auroc`).

    >>> metric = ImageAUROC()
    >>> metric.update(torch.tensor([12.0, 15.0, 14.0, 31.0]), torch.tensor([0, 0, 1, 1]))
    >>> metric.compute()
    tensor(0.7500)
    """

    higher_is_better = True

    def figure(self, scores_N: AnyArray, labels_N: AnyArray) -> float | None:
        return auroc(scores_N, labels_N)


class ImageAveragePrecision(ImageMetric):
    """Image average precision on raw scores (see `ranking.average_precision`).

    >>> metric = ImageAveragePrecision()
    >>> metric.update(torch.tensor([12.0, 15.0, 14.0, 31.0]), torch.tensor([0, 0, 1, 1]))
    >>> metric.compute()
    tensor(0.8333)
    """

    higher_is_better = True

    def figure(self, scores_N: AnyArray, labels_N: AnyArray) -> float | None:
        return average_precision(scores_N, labels_N)


class ImageBestF1(ImageMetric):
    """Largest image F1 over all thresholds (see `ranking.best_f1`): an upper bound, no promise.

    >>> metric = ImageBestF1()
    >>> metric.update(torch.tensor([12.0, 15.0, 14.0, 31.0]), torch.tensor([0, 0, 1, 1]))
    >>> metric.compute()
    tensor(0.8000)
    """

    higher_is_better = True

    def figure(self, scores_N: AnyArray, labels_N: AnyArray) -> float | None:
        return best_f1(scores_N, labels_N)


class ImageDecision(ImageMetric):
    """A figure of the decision score >= threshold: F1 by default (see `decision.decision_metrics`).

    Args:
        threshold: in the scores' own units.
        figure: `image_f1`, `precision`, `recall`, `specificity`, `accuracy` or `false_alarm_rate`.

    >>> metric = ImageDecision(threshold=14.0, figure="recall")
    >>> metric.update(torch.tensor([12.0, 15.0, 14.0, 31.0]), torch.tensor([0, 0, 1, 1]))
    >>> metric.compute()
    tensor(1.)
    """

    def __init__(self, threshold: float, figure: str = "image_f1", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = threshold
        self.name = _one_of(figure, DECISION_FIGURES)

    def figure(self, scores_N: AnyArray, labels_N: AnyArray) -> float | None:
        return decision_metrics(scores_N, labels_N, self.threshold)[self.name]


class PixelMetric(Metric, ABC):
    """A figure of anomaly maps (B, H, W) or (B, 1, H, W) and masks of the same shape; subclasses say which.

    Batches may differ in size. The states are flat: a score and, for each pixel, the size of its region (0 outside).
    """

    full_state_update = False
    higher_is_better = True
    scores: list[Tensor]
    sizes: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("scores", default=[], dist_reduce_fx="cat")
        self.add_state("sizes", default=[], dist_reduce_fx="cat")

    def update(self, maps_BHW: Tensor, masks_BHW: Tensor) -> None:
        """Add a batch: raw maps of any range, masks with defects where not 0; good images belong here too."""
        if maps_BHW.shape != masks_BHW.shape or maps_BHW.ndim < 3:
            raise AdshiftError(
                f"maps {tuple(maps_BHW.shape)} and masks {tuple(masks_BHW.shape)} must share one shape (B, H, W)"
            )
        masks = masks_BHW.detach().reshape(-1, *masks_BHW.shape[-2:]).cpu().numpy()
        self.scores.append(maps_BHW.detach().reshape(-1))
        self.sizes.extend(torch.from_numpy(region_sizes(mask)).reshape(-1).to(maps_BHW.device) for mask in masks)

    def compute(self) -> Tensor:
        """The figure over everything seen, NaN where undefined."""
        if not self.scores:
            return _scalar(None)
        scores_P, size_P = dim_zero_cat(self.scores), dim_zero_cat(self.sizes)
        return _scalar(self.figure(_array(scores_P), size_P.cpu().numpy()))

    @abstractmethod
    def figure(self, scores_P: AnyArray, size_P: AnyArray) -> float | None:
        """The figure of all pixels, None where undefined."""


class PixelAUROC(PixelMetric):
    """Pixel AUROC on raw scores.

    >>> metric = PixelAUROC()
    >>> metric.update(torch.tensor([[[5.0, 9.0], [8.0, 7.0]]]), torch.tensor([[[0, 1], [0, 1]]]))
    >>> metric.compute()
    tensor(0.7500)
    """

    def figure(self, scores_P: AnyArray, size_P: AnyArray) -> float | None:
        return PixelRanking.from_pixels(scores_P, size_P).auroc()


class PixelAveragePrecision(PixelMetric):
    """Pixel average precision on raw scores.

    >>> metric = PixelAveragePrecision()
    >>> metric.update(torch.tensor([[[5.0, 9.0], [8.0, 7.0]]]), torch.tensor([[[0, 1], [0, 1]]]))
    >>> metric.compute()
    tensor(0.8333)
    """

    def figure(self, scores_P: AnyArray, size_P: AnyArray) -> float | None:
        return PixelRanking.from_pixels(scores_P, size_P).average_precision()


class PRO(PixelMetric):
    """Per-region overlap up to a false-positive rate `limit` in (0, 1] (see `PixelRanking.pro`).

    >>> metric = PRO(limit=0.5)
    >>> metric.update(torch.tensor([[[5.0, 9.0], [8.0, 7.0]]]), torch.tensor([[[0, 1], [0, 1]]]))
    >>> metric.compute()
    tensor(0.5000)
    """

    def __init__(self, limit: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < limit <= 1:
            raise AdshiftError(f"limit={limit} must be in (0, 1]; the usual ones are 0.3 and 0.05")
        self.limit = limit

    def figure(self, scores_P: AnyArray, size_P: AnyArray) -> float | None:
        return PixelRanking.from_pixels(scores_P, size_P).pro(self.limit)


class PixelDecision(PixelMetric):
    """Pixel F1 (by default) or intersection over union of the decision score >= threshold.

    Args:
        threshold: in the scores' own units.
        figure: `pixel_f1` or `pixel_iou`.

    >>> metric = PixelDecision(threshold=8.0)
    >>> metric.update(torch.tensor([[[5.0, 9.0], [8.0, 7.0]]]), torch.tensor([[[0, 1], [0, 1]]]))
    >>> metric.compute()
    tensor(0.5000)
    """

    def __init__(self, threshold: float, figure: str = "pixel_f1", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = threshold
        self.name = _one_of(figure, PIXEL_DECISIONS)

    def figure(self, scores_P: AnyArray, size_P: AnyArray) -> float | None:
        return pixel_decision([scores_P], [size_P], self.threshold)[self.name]
