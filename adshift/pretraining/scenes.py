"""Scenes: shapes with textures, relief and colours over a background; and the same scenes damaged in places."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from adshift.pretraining.draws import chance, colour, grid, log_uniform, uniform
from adshift.pretraining.shapes import coverage, outlines
from adshift.pretraining.textures import textures

LAYERS = 7


def _painted(batch: int, pool: Tensor, generator: Generator) -> Tensor:
    """Surfaces [B, 3, S, S]: a random texture of the pool between two colours, close to each other or not."""
    chosen = pool[torch.randint(len(pool), (batch,), generator=generator)]
    first, second = colour(batch, 0.5, generator), colour(batch, 0.5, generator)
    contrast = log_uniform(batch, 0.02, 1, generator)[:, None]
    return first + (second - first) * contrast * chosen[:, None]


def _relief(distance: Tensor, generator: Generator) -> Tensor:
    """Light on rounded edges [B, S, S], about 0: the slope of a bevel towards a random direction."""
    batch = len(distance)
    width, angle = uniform(batch, 0.02, 0.3, generator), uniform(batch, 0, 2 * math.pi, generator)
    height = torch.tanh(-distance / width)
    right = functional.pad(height[:, :, 2:] - height[:, :, :-2], (1, 1))
    down = functional.pad(height[:, 2:] - height[:, :-2], (0, 0, 1, 1))
    return (right * angle.cos() + down * angle.sin()) * uniform(batch, 0, 1.5, generator)


def scenes(batch: int, size: int, generator: Generator) -> Tensor:
    """Scenes [B, 3, S, S] in [0, 1], from a bare texture to a heap of parts."""
    pool = textures(batch, size, generator)
    canvas = _painted(batch, pool, generator)
    crowd = uniform(batch, 0, 1, generator)
    for _ in range(LAYERS):
        distance = outlines(batch, size, 0.08, 0.9, generator)
        inside = coverage(distance, log_uniform(batch, 0.015, 0.08, generator))
        inside = inside * (torch.rand(batch, 1, 1, generator=generator) < crowd)
        surface = _painted(batch, pool, generator) + _relief(distance, generator)[:, None]
        canvas = torch.lerp(canvas, surface, inside[:, None])
    return canvas.clamp(0, 1)


def damaged(scene: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Scenes with one to three small faults: a foreign spot or scratch, a piece from elsewhere, a dent, a smear.

    Returns:
        the damaged scenes [B, 3, S, S], and where they differ visibly, float32 [B, 1, S, S] in {0, 1}.
    """
    batch, _, size, _ = scene.shape
    pool = textures(max(5, batch // 2), size, generator)
    broken = scene
    for turn in range(3):
        distance = outlines(batch, size, 0.04, 0.3, generator)
        inside = coverage(distance, log_uniform(batch, 0.02, 0.1, generator))
        if turn:
            inside = inside * chance(batch, 0.4, generator)
        inside = (inside * uniform(batch, 0.4, 1, generator))[:, None]
        kind = torch.randint(5, (batch, 1, 1, 1), generator=generator)
        other = torch.where(kind <= 1, _painted(batch, pool, generator), _elsewhere(broken, generator))
        other = torch.where(kind == 3, _dented(broken, distance, generator), other)
        other = torch.where(kind == 4, functional.avg_pool2d(broken, 9, 1, 4, count_include_pad=False), other)
        broken = torch.lerp(broken, other, inside)
    broken = broken.clamp(0, 1)
    changed = ((broken - scene).abs().amax(1, keepdim=True) > 0.06).float()
    return broken, changed


def _elsewhere(scene: Tensor, generator: Generator) -> Tensor:
    """Each scene rolled by a distance of its own, half of them turned by 90 degrees too."""
    size = scene.shape[-1]
    rolled = [
        one.roll((int(dy), int(dx)), (1, 2))
        for one, (dy, dx) in zip(scene, torch.randint(size, (len(scene), 2), generator=generator), strict=True)
    ]
    found = torch.stack(rolled)
    return torch.where(chance(len(scene), 0.5, generator)[..., None], found.transpose(2, 3), found)


def _dented(scene: Tensor, distance: Tensor, generator: Generator) -> Tensor:
    """Each scene seen through a lens where ``distance`` is small: its lines bend there."""
    batch, size = len(scene), scene.shape[-1]
    x, y = grid(size)
    reach = torch.exp(-(distance.clamp_min(0) / 0.15).square())
    angle, far = uniform(batch, 0, 2 * math.pi, generator), uniform(batch, 0.03, 0.15, generator)
    places = torch.stack((x + reach * far * angle.cos(), y + reach * far * angle.sin()), dim=-1)
    return functional.grid_sample(scene, places, padding_mode="reflection", align_corners=False)
