"""Outlines as signed distance fields [B, S, S]: below 0 inside, about 1 a unit (half the image's side)."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from adshift.pretraining.draws import chance, grid, log_uniform, uniform


def outlines(batch: int, size: int, low: float, high: float, generator: Generator) -> Tensor:
    """Rounded boxes, ellipses, bars, rings and wavy or toothed discs at random places.

    Args:
        batch: B.
        size: S.
        low, high: range of the larger radius, in half image sides.
        generator: where all of it comes from.
    """
    x, y = grid(size)
    x, y = x - uniform(batch, -1, 1, generator), y - uniform(batch, -1, 1, generator)
    angle = uniform(batch, 0, math.pi, generator)
    u, v = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    u = u + uniform(batch, -1, 1, generator) * chance(batch, 0.3, generator) * v.square() * 1.5  # bent
    radius = log_uniform(batch, low, high, generator)
    thin = radius * log_uniform(batch, 0.06, 1, generator)
    corner = thin * uniform(batch, 0, 1, generator)
    du, dv = u.abs() - radius + corner, v.abs() - thin + corner
    box = torch.hypot(du.clamp_min(0), dv.clamp_min(0)) + torch.maximum(du, dv).clamp_max(0) - corner
    ellipse = (torch.hypot(u / radius, v / thin) - 1) * thin
    turn = torch.atan2(v, u)
    lobes = torch.randint(2, 14, (batch, 1, 1), generator=generator)
    ripple = torch.tanh(log_uniform(batch, 0.5, 6, generator) * (lobes * turn).cos())
    wavy = torch.hypot(u, v) - radius * (1 + uniform(batch, 0, 0.35, generator) * ripple)
    kind = torch.randint(4, (batch, 1, 1), generator=generator)
    found = torch.where(kind == 0, wavy, torch.where(kind == 1, ellipse, box))
    hollow = found.abs() - thin * uniform(batch, 0.05, 0.4, generator)
    return torch.where(chance(batch, 0.2, generator), hollow, found)


def coverage(distance: Tensor, softness: Tensor) -> Tensor:
    """How much of each pixel lies inside, in [0, 1]; ``softness`` is the width of the edge in the distance's unit."""
    return torch.sigmoid(-distance / softness * 4)
