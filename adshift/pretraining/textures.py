"""Procedural textures [B, S, S] in [0, 1]: filtered noise, lattices, cells."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from adshift.pretraining.draws import chance, grid, log_uniform, uniform


def noise(batch: int, size: int, generator: Generator) -> Tensor:
    """Noise with a random power law, stretched along a random direction; smooth, ridged or cut into two levels."""
    white = torch.fft.rfft2(torch.randn(batch, size, size, generator=generator))
    fy = torch.fft.fftfreq(size).view(1, size, 1) * size
    fx = torch.fft.rfftfreq(size).view(1, 1, -1) * size
    angle, stretch = uniform(batch, 0, math.pi, generator), log_uniform(batch, 1, 8, generator)
    along, across = fx * angle.cos() + fy * angle.sin(), fy * angle.cos() - fx * angle.sin()
    radius = ((along * stretch).square() + across.square()).sqrt().clamp_min(1)
    slope, centre = uniform(batch, 0.5, 3, generator), log_uniform(batch, 2, size / 4, generator)
    band = torch.exp(-(radius / centre).log().square() / 0.3)
    law = radius ** (-slope)
    field = torch.fft.irfft2(white * torch.where(chance(batch, 0.5, generator), band, law), s=(size, size))
    field = field - field.mean((1, 2), keepdim=True)
    field = field / field.std((1, 2), keepdim=True).clamp_min(1e-6)
    gain = log_uniform(batch, 0.7, 12, generator)
    smooth = torch.sigmoid(gain * (field - uniform(batch, -1, 1, generator)))
    return torch.where(chance(batch, 0.25, generator), (1 - field.abs()).clamp(0, 1), smooth)


def lattice(batch: int, size: int, generator: Generator) -> Tensor:
    """Stripes, checks, dots and weaves: two waves along random directions, bent a little, soft or hard."""
    x, y = grid(size)
    bend = uniform(batch, 0, 0.15, generator) * chance(batch, 0.5, generator)
    x = x + bend * (y * uniform(batch, 1, 5, generator) + uniform(batch, 0, 6, generator)).sin()
    y = y + bend * (x * uniform(batch, 1, 5, generator) + uniform(batch, 0, 6, generator)).cos()
    first = uniform(batch, 0, math.pi, generator)
    second = first + torch.where(chance(batch, 0.5, generator), math.pi / 2, uniform(batch, 0.5, 2.6, generator))
    rate = log_uniform(batch, 4, size / 3, generator)
    other = rate * torch.where(chance(batch, 0.5, generator), 1.0, log_uniform(batch, 0.4, 2.5, generator))
    u = (rate * (x * first.cos() + y * first.sin()) + uniform(batch, 0, 6.3, generator)).cos()
    v = (other * (x * second.cos() + y * second.sin()) + uniform(batch, 0, 6.3, generator)).cos()
    kind = torch.randint(5, (batch, 1, 1), generator=generator)
    wave = torch.where(kind == 0, u, u * v)
    wave = torch.where(kind == 1, torch.maximum(u, v), wave)
    wave = torch.where(kind == 2, (u + v) / 2, wave)
    wave = torch.where(kind == 3, torch.where(u * v > 0, u.abs(), v.abs()), wave)
    return torch.sigmoid(log_uniform(batch, 1, 15, generator) * (wave - uniform(batch, -0.6, 0.6, generator)))


def cells(batch: int, size: int, generator: Generator, points: int = 20) -> Tensor:
    """Voronoi cells, each of its own level, with or without dark seams; or the distance to the nearest point."""
    x, y = grid(size)
    place = torch.rand(batch, points, 2, generator=generator) * 2.4 - 1.2
    squared = (x[:, None] - place[:, :, :1, None]).square() + (y[:, None] - place[:, :, 1:, None]).square()
    two = squared.topk(2, dim=1, largest=False)
    near, gap = two.values[:, 0].sqrt(), two.values[:, 1].sqrt() - two.values[:, 0].sqrt()
    level = torch.rand(batch, points, generator=generator)
    flat = level.gather(1, two.indices[:, 0].flatten(1)).view(batch, size, size)
    seam = torch.sigmoid((gap - uniform(batch, 0.01, 0.08, generator)) * 60)
    kind = torch.randint(4, (batch, 1, 1), generator=generator)
    found = torch.where(kind == 0, flat, flat * seam)
    return torch.where(kind == 1, seam, torch.where(kind == 2, (near * 3).clamp(0, 1), found))


def textures(count: int, size: int, generator: Generator) -> Tensor:
    """``count`` textures of all kinds, shuffled, [count, S, S]."""
    third, fifth = count // 3, count // 5
    made = (
        noise(count - third - fifth, size, generator),
        lattice(third, size, generator),
        cells(fifth, size, generator),
    )
    return torch.cat(made)[torch.randperm(count, generator=generator)]
