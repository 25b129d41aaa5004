"""Pixel figures, one a class: raw anomaly maps and masks in batches, the figure over all of their pixels."""

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor

from adshift.errors import AdshiftError
from adshift.metrics.modules.states import Images, MapState, Masks, one_of, to_tensor
from adshift.metrics.pixel import Maps, PixelRanking, pixel_decision
from adshift.metrics.pixel import Masks as MaskArrays

PIXEL_DECISIONS = ("pixel_f1", "pixel_iou")


class PixelMetric(MapState, ABC):
    """A figure of anomaly maps and masks; subclasses say which."""

    higher_is_better = True

    def update(self, maps: Images, masks: Masks) -> None:
        """Add a batch: raw maps of any range, masks with defects where not 0; good images belong here too.

        Tensors (B, H, W) or (B, 1, H, W), of a size of their own each batch; or lists of (H, W), of a size of their own
        each image, where a mask of None stands for an image without defects.
        """
        self.add_maps(maps, masks)

    def compute(self) -> Tensor:
        """The figure over everything seen, a float64 scalar, NaN where undefined."""
        return to_tensor(self.figure(*self.all_maps()) if len(self.maps) else None)

    @abstractmethod
    def figure(self, maps: Maps, masks: MaskArrays) -> float | None:
        """The figure of all pixels, None where undefined."""


class PixelAUROC(PixelMetric):
    """Pixel AUROC on raw scores.

    >>> import torch
    >>> metric = PixelAUROC()
    >>> metric.update(torch.tensor([[[5.0, 9.0], [8.0, 7.0]]]), torch.tensor([[[0, 1], [0, 1]]]))
    >>> metric.compute()
    tensor(0.7500, dtype=torch.float64)
    """

    def figure(self, maps: Maps, masks: MaskArrays) -> float | None:
        return PixelRanking.from_maps(maps, masks).auroc()


class PixelAveragePrecision(PixelMetric):
    """Pixel average precision on raw scores.

    >>> import torch
    >>> metric = PixelAveragePrecision()
    >>> metric.update(torch.tensor([[[5.0, 9.0], [8.0, 7.0]]]), torch.tensor([[[0, 1], [0, 1]]]))
    >>> metric.compute()
    tensor(0.8333, dtype=torch.float64)
    """

    def figure(self, maps: Maps, masks: MaskArrays) -> float | None:
        return PixelRanking.from_maps(maps, masks).average_precision()


class PRO(PixelMetric):
    """Per-region overlap up to a false-positive rate `limit` in (0, 1] (see `PixelRanking.pro`).

    >>> import torch
    >>> metric = PRO(limit=0.5)
    >>> metric.update(torch.tensor([[[5.0, 9.0], [8.0, 7.0]]]), torch.tensor([[[0, 1], [0, 1]]]))
    >>> metric.compute()
    tensor(0.5000, dtype=torch.float64)
    """

    def __init__(self, limit: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < limit <= 1:
            raise AdshiftError(f"limit={limit} must be in (0, 1]; the usual ones are 0.3 and 0.05")
        self.limit = limit

    def figure(self, maps: Maps, masks: MaskArrays) -> float | None:
        return PixelRanking.from_maps(maps, masks).pro(self.limit)


class PixelDecision(PixelMetric):
    """Pixel F1 (by default) or intersection over union of the decision score >= threshold.

    Args:
        threshold: in the scores' own units.
        figure: `pixel_f1` or `pixel_iou`.

    >>> import torch
    >>> metric = PixelDecision(threshold=8.0)
    >>> metric.update(torch.tensor([[[5.0, 9.0], [8.0, 7.0]]]), torch.tensor([[[0, 1], [0, 1]]]))
    >>> metric.compute()
    tensor(0.5000, dtype=torch.float64)
    """

    def __init__(self, threshold: float, figure: str = "pixel_f1", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = threshold
        self.name = one_of(figure, PIXEL_DECISIONS)

    def figure(self, maps: Maps, masks: MaskArrays) -> float | None:
        return pixel_decision(maps, masks, self.threshold)[self.name]
