"""Raw scores of a role's images under a fitted method."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from adshift.data.dataset import Item, MaskResolution
from adshift.data.images import UInt8
from adshift.data.samples import Sample
from adshift.methods.module import AnomalyModule


@dataclass(frozen=True)
class ScoredImages:
    """The images of one role with their scores, in the role's order.

    Attributes:
        samples: N samples.
        score_N: float64 image scores.
        maps: N anomaly maps, float32 [H, W], at the resolution of their masks.
        masks: N masks, uint8 [H, W]; None for an anomalous image without one.
        nearest_image_NP: int64, for each patch the train image of its nearest bank vector; None without a bank.
    """

    samples: tuple[Sample, ...]
    score_N: NDArray[np.float64]
    maps: list[NDArray[np.float32]]
    masks: list[UInt8 | None]
    nearest_image_NP: NDArray[np.int64] | None

    @property
    def label_N(self) -> NDArray[np.int64]:
        """0 nominal, 1 anomalous."""
        return np.array([sample.label for sample in self.samples], np.int64)

    def select(self, keep_N: Sequence[bool] | NDArray[np.bool_]) -> ScoredImages:
        """The images where ``keep_N`` holds."""
        places = np.flatnonzero(np.asarray(keep_N))
        return ScoredImages(
            tuple(self.samples[i] for i in places),
            self.score_N[places],
            [self.maps[i] for i in places],
            [self.masks[i] for i in places],
            None if self.nearest_image_NP is None else self.nearest_image_NP[places],
        )

    def of_category(self, category: str) -> ScoredImages:
        """The images of one category."""
        return self.select([sample.category == category for sample in self.samples])


def _map_like(anomaly_map_HW: Tensor, mask: UInt8 | None) -> NDArray[np.float32]:
    if mask is None or mask.shape == tuple(anomaly_map_HW.shape):
        return anomaly_map_HW.numpy()
    resized = functional.interpolate(anomaly_map_HW[None, None], size=mask.shape, mode="bilinear", align_corners=False)
    return resized[0, 0].numpy()


def score_images(
    trainer: pl.Trainer,
    module: AnomalyModule,
    loader: DataLoader[Item],
    samples: Sequence[Sample],
    resolution: MaskResolution,
) -> ScoredImages:
    """Score every image of a loader. With ``resolution`` "original" each map is brought to its mask's size."""
    scores: list[Tensor] = []
    maps: list[NDArray[np.float32]] = []
    masks: list[UInt8 | None] = []
    nearest: list[Tensor] = []
    for scored, batch in trainer.predict(module, loader) or []:
        scores.append(scored.image_score_B)
        masks.extend(batch.masks)
        for anomaly_map, mask in zip(scored.anomaly_map_BHW, batch.masks, strict=True):
            maps.append(_map_like(anomaly_map, mask if resolution == "original" else None))
        if scored.nearest_image_BP is not None:
            nearest.append(scored.nearest_image_BP)
    return ScoredImages(
        tuple(samples),
        torch.cat(scores).double().numpy(),
        maps,
        masks,
        torch.cat(nearest).numpy() if nearest else None,
    )


@torch.inference_mode()
def latency_ms(module: AnomalyModule, device: torch.device, image_3SS: Tensor, batch_size: int, repeats: int) -> float:
    """Median milliseconds an image takes at a batch size on a device, from the normalised tensor to score and map."""
    module.to(device)  # Lightning takes it off when its loops end
    images = image_3SS.to(device).expand(batch_size, -1, -1, -1).contiguous()
    seconds = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        module(images)
        if images.is_cuda:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds[1:]) / batch_size
