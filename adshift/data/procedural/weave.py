"""`weave`: a carpet-like 2/2 twill that fills the frame; colour, cut, hole and thread defects."""

import math
from dataclasses import dataclass

import numpy as np

from adshift.data.procedural.noise import (
    CANVAS,
    Field,
    blur,
    fractal_noise,
    grain,
    paint,
    plane,
    remainder,
    smooth_noise,
    smoothstep,
)
from adshift.data.procedural.strokes import (
    Points,
    fibres,
    polygon,
    ragged_outline,
    shifted,
    stroke,
    tapered,
    wander,
)

DEFECTS = ("color", "cut", "hole", "thread")

_DYES = ((0.62, 0.16, 0.14), (0.16, 0.24, 0.55), (0.22, 0.42, 0.20), (0.50, 0.38, 0.12), (0.12, 0.11, 0.10))
_THREADS = ((0.82, 0.80, 0.74), (0.10, 0.10, 0.11), (0.58, 0.20, 0.16), (0.24, 0.30, 0.50))


@dataclass(frozen=True)
class Cloth:
    """A sound piece: its picture (H, W, 3) and the height (H, W) of its yarns, both in [0, 1]."""

    picture: Field
    relief: Field


def render(part: Cloth, defect: str | None, rng: np.random.Generator) -> Field:
    """Canvas (CANVAS, CANVAS, 3) in [0, 1] of the cloth, with the defect that `rng` draws."""
    cloth = part.picture
    if defect is None:
        return cloth
    hard = rng.random() < 0.35
    spot = rng.uniform(0.16 * CANVAS, 0.84 * CANVAS, 2).astype(np.float32)
    if defect == "color":
        return _stain(cloth, part.relief, rng, spot, hard)
    if defect == "cut":
        return _cut(cloth, rng, spot, hard)
    if defect == "hole":
        return _hole(cloth, rng, spot, hard)
    return _thread(cloth, rng, spot, hard)


def stage(rng: np.random.Generator) -> Cloth:
    """Weave a piece: pitch, turn, phase, ripple, yarn by yarn tone, fuzz and hue are drawn."""
    x, y = plane()
    pitch, turn = rng.uniform(14.6, 15.4), math.radians(rng.uniform(-2.5, 2.5))
    phase_u, phase_v = rng.uniform(8, 16), rng.uniform(8, 16)
    cos, sin = math.cos(turn) / pitch, math.sin(turn) / pitch
    u = x * cos - y * sin + phase_u + 0.16 * fractal_noise(rng, 90, 2)
    v = x * sin + y * cos + phase_v + 0.16 * fractal_noise(rng, 90, 2)
    column, row = np.floor(u), np.floor(v)
    across_u, across_v = 2 * (u - column) - 1, 2 * (v - row) - 1
    warp_up = remainder(column + row, 4) < 2
    across = np.where(warp_up, across_u, across_v)
    along = np.clip(remainder(np.where(warp_up, v + column, u + row - 2), 4) / 2, 0, 1)
    relief = np.sqrt(np.clip(1 - across * across, 0, 1)) * (0.45 + 0.55 * np.sin(np.pi * along))
    twist = np.sin(2 * np.pi * (np.where(warp_up, v, u) * 1.6 + across * 0.5))
    warp_yarns, weft_yarns = rng.normal(1, 0.05, (2, 128)).astype(np.float32)
    index = np.where(warp_up, column, row).astype(np.int32) % 128
    yarn = np.where(warp_up, warp_yarns[index], weft_yarns[index])
    fuzz = grain(rng, 0.9)
    light = yarn * (0.50 + 0.55 * relief + 0.05 * across + 0.04 * twist + 0.085 * fuzz)
    light = light * (1 + 0.035 * smooth_noise(rng, 120))
    hue = rng.normal(0, 0.005, 3)
    warp_colour = np.asarray(np.array([0.60, 0.58, 0.55]) + hue, dtype=np.float32)
    weft_colour = np.asarray(np.array([0.44, 0.44, 0.45]) + hue, dtype=np.float32)
    cloth = light[..., None] * np.where(warp_up[..., None], warp_colour, weft_colour)
    return Cloth(np.clip(cloth, 0, 1).astype(np.float32), relief.astype(np.float32))


def _stain(cloth: Field, relief: Field, rng: np.random.Generator, spot: Points, hard: bool) -> Field:
    """A liquid soaked in: dyed, darker at the rim, deeper in the valleys between the yarns."""
    radius = rng.uniform(16, 26) if hard else rng.uniform(28, 70)
    outline = ragged_outline(rng, spot, radius, rough=0.22, aspect=rng.uniform(1, 2))
    shape = polygon(outline)
    body = blur(shape, 2.5)
    rim = np.clip(body - blur(shape, 9), 0, 1)
    strength = rng.uniform(0.22, 0.34) if hard else rng.uniform(0.45, 0.85)
    soak = np.clip(body * (0.8 + 0.2 * (1 - relief)) + 0.4 * rim, 0, 1) * np.float32(strength)
    dye = np.array(_DYES[int(rng.integers(len(_DYES)))], dtype=np.float32)
    return paint(cloth, soak, cloth.mean(axis=2, keepdims=True) * dye * 2.0)


def _cut(cloth: Field, rng: np.random.Generator, spot: Points, hard: bool) -> Field:
    """A slit: a dark gap, a shaded lip, and fibres that stand out of its edges."""
    length = rng.uniform(40, 64) if hard else rng.uniform(100, 230)
    width = rng.uniform(4, 6) if hard else rng.uniform(9, 18)
    line = wander(rng, spot, rng.uniform(0, np.pi), length, bend=0.5)
    gap = blur(stroke(line, tapered(len(line), width)), 0.8)
    lip = np.clip(blur(gap, 3.0) * 1.3, 0, 1) * (1 - gap)
    image = paint(cloth, 0.35 * lip, cloth * 0.5)
    depth = 0.10 + 0.03 * smooth_noise(rng, 10)
    image = paint(image, 0.92 * gap, np.repeat(np.clip(depth, 0.03, 1)[..., None], 3, axis=2))
    roots = np.repeat(line, 2, axis=0) + rng.normal(0, 0.45 * width, (2 * len(line), 2))
    return paint(image, 0.7 * fibres(rng, roots.astype(np.float32), length=1.2 * width + 5), (0.66, 0.64, 0.60))


def _hole(cloth: Field, rng: np.random.Generator, spot: Points, hard: bool) -> Field:
    """Worn through to the backing: ragged, shaded by its upper left edge, fringed with broken fibres."""
    radius = rng.uniform(7, 10) if hard else rng.uniform(14, 40)
    outline = ragged_outline(rng, spot, radius, rough=0.25, aspect=rng.uniform(1, 1.7))
    shape = blur(polygon(outline), 0.8)
    x, y = plane()
    backing = 0.17 + 0.035 * np.sin(2 * np.pi * x / 9) * np.sin(2 * np.pi * y / 9) + 0.02 * grain(rng, 1.2)
    shade = np.float32(1) - 0.7 * blur(1 - shifted(shape, 5, 5), 3.0)
    floor = np.clip(backing * shade, 0, 1)[..., None] * np.array([1.0, 0.93, 0.82], dtype=np.float32)
    rim = np.clip(blur(shape, 3.5) * 1.2, 0, 1) * (1 - shape)
    image = paint(paint(cloth, 0.30 * rim, cloth * 0.4), shape, floor.astype(np.float32))
    roots = np.repeat(outline, 1 if hard else 2, axis=0)
    roots = (spot + (roots - spot) * rng.uniform(0.8, 1.05, (len(roots), 1))).astype(np.float32)
    return paint(image, 0.7 * fibres(rng, roots, length=rng.uniform(0.4, 0.7) * radius + 4), (0.62, 0.60, 0.57))


def _thread(cloth: Field, rng: np.random.Generator, spot: Points, hard: bool) -> Field:
    """A foreign yarn on top, round, twisted, with a cast shadow; a hard one nearly of the cloth's colour."""
    length = rng.uniform(60, 120) if hard else rng.uniform(120, 330)
    width = rng.uniform(4, 5) if hard else rng.uniform(5, 8)
    line = wander(rng, spot, rng.uniform(0, 2 * np.pi), length, bend=1.3, steps=48)
    body = blur(stroke(line, width), 0.7)
    ridge = blur(stroke(line - np.float32(width / 5), width / 3), 1.0)
    shadow = blur(shifted(body, 4, 5), 2.0) * (1 - body)
    colour = (0.64, 0.62, 0.59) if hard else _THREADS[int(rng.integers(len(_THREADS)))]
    x, y = plane()
    ply = 0.84 + 0.10 * np.sin(2 * np.pi * (x + 0.8 * y) / 6.5) + 0.06 * grain(rng, 1.0)
    lit = ply * (0.78 + 0.35 * ridge)
    yarn = lit[..., None] * np.array(colour, dtype=np.float32)
    image = paint(cloth, 0.5 * shadow, cloth * 0.35)
    return paint(image, smoothstep(0.1, 0.6, body) * 0.97, np.clip(yarn, 0, 1).astype(np.float32))
