"""Locally aware patch embeddings: neighbourhood pooling, grids brought together, one row a patch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional


def pool_neighbourhood(features: Tensor, size: int) -> Tensor:
    """Average over a size x size neighbourhood of each position (Roth et al., CVPR 2022, section 3.1).

    Borders are padded with zeros that count as positions: the divisor is p^2 everywhere (docs/protocol.md).

    Args:
        features: [B, C, H, W].
        size: p, odd; 1 leaves the features as they are.

    Returns:
        [B, C, H, W].
    """
    if size == 1:
        return features
    return functional.avg_pool2d(features, kernel_size=size, stride=1, padding=size // 2)


def patch_embeddings(features: Mapping[str, Tensor], layers: Sequence[str], neighbourhood: int) -> Tensor:
    """Pool each layer, upsample the deeper ones bilinearly to the first one's grid, concatenate (Roth et al., CVPR 2022).

    Args:
        features: layer -> [B, C_layer, H_layer, W_layer].
        layers: the order of concatenation; the first sets the grid.
        neighbourhood: side of the pooling window.

    Returns:
        [B, H_0, W_0, sum of C_layer]: a row a patch.
    """
    pooled = [pool_neighbourhood(features[layer], neighbourhood) for layer in layers]
    grid = pooled[0].shape[-2:]
    aligned = [pooled[0]] + [
        functional.interpolate(p, size=grid, mode="bilinear", align_corners=False) for p in pooled[1:]
    ]
    return torch.cat(aligned, dim=1).permute(0, 2, 3, 1).contiguous()
