"""From patch scores on a coarse grid to an anomaly map at the input's resolution, as one linear operator."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def upsample_operator(grid: int, size: int, sigma: float) -> Tensor:
    """The matrix A [size, grid] of one axis: linear upsampling, then a Gaussian blur with reflected border.

    Both are separable and linear, so that a map is A P A^T: two small matrix products instead of a large convolution.

    Args:
        grid: patches along the axis.
        size: pixels along the axis.
        sigma: standard deviation of the blur in pixels, >= 0; 0 leaves it out. The kernel reaches 4 sigma.
    """
    identity = torch.eye(grid)
    upsampled = functional.interpolate(identity[None], size=size, mode="linear", align_corners=False)  # [1, grid, size]
    radius = min(int(4 * sigma + 0.5), size - 1)
    if radius > 0:
        offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
        kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
        kernel = (kernel / kernel.sum()).float()
        padded = functional.pad(upsampled, (radius, radius), mode="reflect")
        upsampled = functional.conv1d(padded.transpose(0, 1), kernel[None, None]).transpose(0, 1)
    return upsampled[0].T.contiguous()


def upsample_maps(score_BHW: Tensor, size: tuple[int, int], sigma: float) -> Tensor:
    """Patch scores [B, h, w] to maps [B, H, W]: bilinear upsampling and a Gaussian blur of ``sigma`` pixels."""
    rows = upsample_operator(score_BHW.shape[1], size[0], sigma).to(score_BHW)
    columns = upsample_operator(score_BHW.shape[2], size[1], sigma).to(score_BHW)
    return rows @ score_BHW @ columns.T
