"""Pillow's BILINEAR resize inside a graph, grey level for grey level: matrix products over whole numbers.

A runtime's own resize is not used: OpenVINO 2026.4.1 reads ONNX's Resize with antialias=1 and computes antialias=0. Pillow
rounds its coefficients to 22 bits and sums whole numbers (src/libImaging/Resample.c), first along rows, then along columns.
Here the same whole numbers are float32 below 2^24, where float32 is exact: the order of a sum, which runtimes choose,
changes nothing. So coefficients are divided out bit by bit and cut in two, as one product would need 30 bits.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

BITS, LOW = 22, 8
"""Bits of a coefficient, and how many of them the second product has."""


def largest_side(size: int) -> int:
    """Pixels a side up to which every sum of a resize to ``size`` stays exact."""
    return min(math.isqrt((size << BITS) - 1), ((1 << 23) - 1) // size, ((1 << 24) // (255 * 255) // 2 - 1) * size)


def coefficients(length: int, size: int) -> tuple[Tensor, Tensor]:
    """Pillow's coefficients from ``length`` pixels to ``size``, cut in two: high * 2^8 + low, of 2^22.

    Pixel j lies |(2 j + 1) size - (2 i + 1) length| away from pixel i of the result, in halves of 1 / size px, and
    counts by the triangle that reaches as far as two pixels of the coarser grid are apart.

    Returns:
        two of float32 [size, length], whole numbers.
    """
    source_L, target_S = torch.arange(length).float(), torch.arange(size).float()
    ends = source_L.amax(dim=0) + 1
    apart_SL = ((2 * source_L + 1) * size - (2 * target_S[:, None] + 1) * ends).abs()
    rest_SL = (2 * ends.clamp_min(size) - apart_SL).clamp_min(0)
    whole_S1 = rest_SL.sum(dim=1, keepdim=True)
    found_SL = torch.zeros_like(rest_SL)
    for _ in range(BITS):
        rest_SL = rest_SL + rest_SL
        bit_SL = (rest_SL >= whole_S1).float()
        rest_SL = rest_SL - bit_SL * whole_S1
        found_SL = found_SL + found_SL + bit_SL
    found_SL = found_SL + (rest_SL + rest_SL >= whole_S1).float()
    high_SL = (found_SL / (1 << LOW)).floor()
    return high_SL, found_SL - high_SL * (1 << LOW)


def _rounded(high: Tensor, low: Tensor) -> Tensor:
    """Two sums of grey levels times coefficients, to grey levels; halves go up."""
    carried = high + (low / (1 << LOW)).floor()
    return ((carried + (1 << (BITS - LOW - 1))) / (1 << (BITS - LOW))).floor()


class PillowResize(nn.Module):
    """Pictures of any size to ``size`` x ``size``.

    Args:
        size: S.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, picture_BHW3: Tensor) -> Tensor:
        """Whole numbers from 0 to 255, float32 [B, 3, S, S], of pictures uint8 [B, H, W, 3]."""
        level_B3HW = picture_BHW3.permute(0, 3, 1, 2).float()
        high_SW, low_SW = coefficients(picture_BHW3.shape[2], self.size)
        level_B3HS = _rounded(level_B3HW @ high_SW.T, level_B3HW @ low_SW.T)
        high_SH, low_SH = coefficients(picture_BHW3.shape[1], self.size)
        return _rounded(high_SH @ level_B3HS, low_SH @ level_B3HS)
