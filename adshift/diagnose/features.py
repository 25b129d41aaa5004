"""How far the features moved: each layer's channel means, in standard deviations of the train features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from adshift.data.prepared import ImageBatch
from adshift.features.backbone import Backbone


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of each channel of each layer, over all positions of all images: layer -> [C]."""

    mean: dict[str, Tensor]
    std: dict[str, Tensor]


@torch.no_grad()
def moments(backbone: Backbone, batches: Iterable[ImageBatch]) -> Moments:
    """Stream batches through a frozen backbone, sums in float64."""
    count: dict[str, int] = {}
    total: dict[str, Tensor] = {}
    square: dict[str, Tensor] = {}
    for batch in batches:
        for layer, found in backbone(batch.images).items():
            rows = found.double()
            count[layer] = count.get(layer, 0) + rows.numel() // rows.shape[1]
            total[layer] = total.get(layer, 0) + rows.sum(dim=(0, 2, 3))
            square[layer] = square.get(layer, 0) + rows.square().sum(dim=(0, 2, 3))
    mean = {layer: total[layer] / count[layer] for layer in total}
    std = {layer: (square[layer] / count[layer] - mean[layer].square()).clamp(min=0).sqrt() for layer in total}
    return Moments(mean, std)


def movement(train: Moments, other: Moments) -> dict[str, float]:
    """Per layer the mean over its channels of |mean difference| / train standard deviation; dead channels count 0."""
    found = {}
    for layer, std in train.std.items():
        alive = std > 1e-9
        distance = (other.mean[layer] - train.mean[layer]).abs()[alive] / std[alive]
        found[layer] = float(distance.mean()) if len(distance) else 0.0
    return found
