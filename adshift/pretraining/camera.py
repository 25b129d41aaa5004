"""Photographs of scenes: another light, another sensor, a small motion."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from adshift.pretraining.draws import chance, grid, log_uniform, uniform


def lit(scene: Tensor, generator: Generator) -> Tensor:
    """Scenes in another light, a little blurred and noisy, [B, 3, S, S] in [0, 1]."""
    batch, _, size, _ = scene.shape
    strength = uniform(batch, 0, 1, generator)[:, None]  # from hardly any change to a strong one

    def near_one(spread: float, channels: int = 1) -> Tensor:
        drawn = torch.rand(batch, channels, 1, 1, generator=generator) * 2 - 1
        return torch.exp(drawn * strength * math.log(spread))

    x, y = grid(size)
    angle = uniform(batch, 0, 2 * math.pi, generator)
    slope = (x * angle.cos() + y * angle.sin())[:, None] * strength
    found = scene.clamp_min(1e-3) ** near_one(1.5)
    found = 0.5 + (found - 0.5) * near_one(1.6)
    found = found * near_one(1.7) * near_one(1.15, 3) * (1 + 0.4 * slope * near_one(2))
    found = found + 0.08 * (torch.rand(batch, 1, 1, 1, generator=generator) * 2 - 1) * strength
    blurred = functional.avg_pool2d(functional.pad(found, (1, 1, 1, 1), mode="reflect"), 3, 1)
    found = torch.lerp(found, blurred, uniform(batch, 0, 1, generator)[:, None])
    sigma = log_uniform(batch, 0.002, 0.05, generator)[:, None] * chance(batch, 0.8, generator)[:, None]
    return (found + sigma * torch.randn(found.shape, generator=generator)).clamp(0, 1)


def motions(batch: int, generator: Generator) -> Tensor:
    """Small turns, zooms and shifts as affine maps [B, 2, 3] for ``functional.affine_grid``."""
    angle = uniform(batch, -0.2, 0.2, generator)[:, 0, 0]
    zoom = torch.exp(uniform(batch, -0.1, 0.1, generator))[:, 0, 0]
    shift = torch.rand(batch, 2, generator=generator) * 0.2 - 0.1
    rows = (zoom * angle.cos(), -zoom * angle.sin(), shift[:, 0], zoom * angle.sin(), zoom * angle.cos(), shift[:, 1])
    return torch.stack(rows, dim=1).view(batch, 2, 3)


def moved(field: Tensor, motion: Tensor, mode: str = "bilinear") -> Tensor:
    """``field`` [B, C, H, W] under a motion, reflected at its borders."""
    places = functional.affine_grid(motion, list(field.shape), align_corners=False)
    return functional.grid_sample(field, places, mode=mode, padding_mode="reflection", align_corners=False)
