"""Random numbers for a batch, one per image, all from one generator."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def uniform(batch: int, low: float, high: float, generator: Generator) -> Tensor:
    """[B, 1, 1], uniform in [low, high)."""
    return low + (high - low) * torch.rand(batch, 1, 1, generator=generator)


def log_uniform(batch: int, low: float, high: float, generator: Generator) -> Tensor:
    """[B, 1, 1], its logarithm uniform; 0 < low < high."""
    return low * (high / low) ** torch.rand(batch, 1, 1, generator=generator)


def chance(batch: int, probability: float, generator: Generator) -> Tensor:
    """bool [B, 1, 1], true with a probability."""
    return torch.rand(batch, 1, 1, generator=generator) < probability


def colour(batch: int, spread: float, generator: Generator) -> Tensor:
    """[B, 3, 1, 1] in [0, 1]: a grey, off which the channels go by up to ``spread``, times a chance of saturation."""
    grey = torch.rand(batch, 1, 1, 1, generator=generator)
    tint = (torch.rand(batch, 3, 1, 1, generator=generator) - 0.5) * 2 * spread
    return (grey + tint * torch.rand(batch, 1, 1, 1, generator=generator)).clamp(0, 1)


def grid(size: int) -> tuple[Tensor, Tensor]:
    """x and y [1, S, S] of the pixel centres in (-1, 1)."""
    line = (torch.arange(size) + 0.5) * (2 / size) - 1
    return line.view(1, 1, size).expand(1, size, size), line.view(1, size, 1).expand(1, size, size)
