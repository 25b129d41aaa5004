"""`rack`: a zipper-like part at a fixed pose with a little play; bent and broken teeth, stains and tears."""

import math
from dataclasses import dataclass, replace

import numpy as np

from adshift.data.procedural.noise import (
    CANVAS,
    Field,
    blur,
    fractal_noise,
    grain,
    paint,
    plane,
    slopes,
    smooth_noise,
    smoothstep,
)
from adshift.data.procedural.strokes import Points, fibres, polygon, ragged_outline, shifted, stroke, wander

DEFECTS = ("bent_tooth", "broken_tooth", "stain", "tear")

_PITCH = 30.0  # canvas pixels between two teeth of one side
_ROWS = 19  # teeth a side; the outer ones reach past the frame
_TAPE = 148.0  # half the width of the cloth


@dataclass(frozen=True)
class Tooth:
    """One tooth in the part's own frame (canvas pixels from the frame's middle, radians)."""

    side: int  # -1 held by the left tape, +1 by the right
    x: float
    y: float
    angle: float
    length: float  # half, along x
    height: float  # half, along y
    tone: float


@dataclass(frozen=True)
class Pose:
    """Where the part lies: the frame's middle plus a shift, and a small turn."""

    x: float
    y: float
    turn: float

    def place(self, x: float, y: float) -> Points:
        """Canvas coordinates (2,) of a point of the part."""
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        return np.array([self.x + cos * x - sin * y, self.y + sin * x + cos * y], dtype=np.float32)


@dataclass(frozen=True)
class Rack:
    """A sound part: pose, teeth, the tapes on the table (H, W, 3), the teeth's metal (3,) and wear (H, W)."""

    pose: Pose
    teeth: list[Tooth]
    tapes: Field
    metal: Field
    wear: Field


def stage(rng: np.random.Generator) -> Rack:
    """Lay a part on the table: its pose, the play of its teeth, cloth, metal and wear are drawn."""
    x, y = (rng.uniform(-5, 5) + CANVAS / 2 for _ in range(2))
    pose = Pose(x, y, math.radians(rng.uniform(-0.9, 0.9)))
    teeth = _row_of_teeth(rng)
    tapes = _tapes(rng, pose)
    metal = np.array([0.60, 0.55, 0.46]) * rng.uniform(0.92, 1.06) + rng.normal(0, 0.005, 3)
    wear = 1 + 0.05 * fractal_noise(rng, 40, 3) + 0.025 * grain(rng, 0.9)
    return Rack(pose, teeth, tapes, metal.astype(np.float32), wear.astype(np.float32))


def render(part: Rack, defect: str | None, rng: np.random.Generator) -> Field:
    """Canvas (CANVAS, CANVAS, 3) in [0, 1] of the part, with the defect that `rng` draws."""
    hard = rng.random() < 0.35
    if defect in ("bent_tooth", "broken_tooth"):
        part = replace(part, teeth=_harm_teeth(part.teeth, rng, defect, hard))
    if defect == "tear":
        part = replace(part, tapes=_tear(part.tapes, rng, part.pose, hard))
    image = _chain(part)
    if defect == "stain":
        image = _stain(image, rng, part.pose, hard)
    return np.clip(image, 0, 1)


def _row_of_teeth(rng: np.random.Generator) -> list[Tooth]:
    """Both rows from top to bottom, the sides in turn, with the play of a real part."""
    teeth = []
    phase = rng.uniform(-2, 2)
    for row in range(2 * _ROWS):
        side = -1 if row % 2 == 0 else 1
        jitter = rng.normal(0, 1, 5).tolist()
        teeth.append(
            Tooth(
                side=side,
                x=side * 16.0 + 0.5 * jitter[0],
                y=(row - _ROWS + 0.5) * _PITCH / 2 + phase + 0.4 * jitter[1],
                angle=0.012 * jitter[2],
                length=33.0 + 0.4 * jitter[3],
                height=6.4,
                tone=1 + 0.035 * jitter[4],
            )
        )
    return teeth


def _harm_teeth(teeth: list[Tooth], rng: np.random.Generator, defect: str, hard: bool) -> list[Tooth]:
    """The rows with one to three neighbours of one side bent, or broken off whole or in part."""
    first = int(rng.integers(5, len(teeth) - 9))
    count = 1 if hard else int(rng.integers(1, 4))
    harmed = list(teeth)
    for index in range(first, first + 2 * count, 2):
        tooth = harmed[index]
        if defect == "bent_tooth":
            bend = rng.uniform(0.10, 0.16) if hard else rng.uniform(0.22, 0.55)
            slip = rng.uniform(2, 4) if hard else rng.uniform(3, 12)
            sign = 1 if rng.random() < 0.5 else -1
            harmed[index] = replace(tooth, angle=tooth.angle + sign * bend, x=tooth.x + tooth.side * slip)
        else:
            left = rng.uniform(0.62, 0.78) if hard else (0.0, 0.0, 0.45)[int(rng.integers(3))]
            lost = tooth.length * (1 - left)
            harmed[index] = replace(tooth, length=tooth.length * left, x=tooth.x + tooth.side * lost)
    return [tooth for tooth in harmed if tooth.length > 0]


def _tapes(rng: np.random.Generator, pose: Pose) -> Field:
    """The pale table with the two dark tapes on it (H, W, 3)."""
    x, y = plane()
    cos, sin = math.cos(pose.turn), math.sin(pose.turn)
    along = (y - pose.y) * cos - (x - pose.x) * sin
    aside = (x - pose.x) * cos + (y - pose.y) * sin
    aside = aside + np.float32(0.8) * smooth_noise(rng, 70)
    reach = np.abs(aside)
    rib = np.sin(2 * np.pi * (along + 0.55 * reach) / 7.5 + rng.uniform(0, 6.28))
    wale = np.sin(2 * np.pi * reach / 10.0)
    weft = 0.165 * (1 + 0.24 * rib * (0.7 + 0.3 * wale) + 0.10 * wale + 0.10 * grain(rng, 0.9))
    cord = np.exp(-(((reach - 42) / 8) ** 2))
    seam = np.exp(-(((reach - 92) / 3.0) ** 2)) * (0.5 + 0.5 * np.sin(2 * np.pi * along / 22))
    weft = weft * (1 + 0.35 * cord + 0.8 * seam) * (1 - 0.55 * np.exp(-((aside / 5) ** 2)))
    weft = weft * (1 + 0.05 * smooth_noise(rng, 130))
    tape = weft[..., None] * np.array([0.95, 0.97, 1.08], dtype=np.float32)
    table = 0.74 + 0.012 * smooth_noise(rng, 140) + 0.010 * grain(rng, 1.5)
    cloth = np.clip(_TAPE - reach + 0.5, 0, 1).astype(np.float32)
    table = table * (1 - 0.40 * blur(shifted(cloth, 6, 6), 6))
    ground = table[..., None] * np.array([1.0, 0.99, 0.965], dtype=np.float32)
    return paint(ground.astype(np.float32), cloth, tape.astype(np.float32))


def _chain(part: Rack) -> Field:
    """The teeth over the tapes: height and cover of each, then one light over all of them."""
    height, cover, tone = np.zeros_like(part.wear), np.zeros_like(part.wear), np.ones_like(part.wear)
    for tooth in part.teeth:
        _raise_tooth(tooth, part.pose, height, cover, tone)
    height = blur(height, 0.8)
    slope_x, slope_y = slopes(height)
    facing = (-slope_x * -0.5 - slope_y * -0.75 + 0.75) / np.sqrt(slope_x**2 + slope_y**2 + 1)
    lit = 0.34 + 0.62 * np.clip(facing, 0, 1.2) + 0.55 * np.clip(facing - 0.9, 0, 1)
    teeth_rgb = np.clip((lit * part.wear * tone)[..., None] * part.metal, 0, 1)
    shadow = blur(shifted(cover, 4, 5), 3) * (1 - cover)
    shaded = paint(part.tapes, 0.6 * shadow, part.tapes * 0.3)
    return paint(shaded, cover, teeth_rgb.astype(np.float32))


def _raise_tooth(tooth: Tooth, pose: Pose, height: Field, cover: Field, tone: Field) -> None:
    """Put one tooth on the canvas in place: a rounded bar with a bulged head at its inner end."""
    middle = pose.place(tooth.x, tooth.y)
    reach = int(tooth.length) + 12
    left, right = max(0, int(middle[0]) - reach), min(CANVAS, int(middle[0]) + reach)
    top, bottom = max(0, int(middle[1]) - reach), min(CANVAS, int(middle[1]) + reach)
    if left >= right or top >= bottom:
        return
    dx = np.arange(left, right, dtype=np.float32)[None, :] - middle[0]
    dy = np.arange(top, bottom, dtype=np.float32)[:, None] - middle[1]
    cos, sin = math.cos(tooth.angle + pose.turn), math.sin(tooth.angle + pose.turn)
    x, y = (dx * cos + dy * sin) * -tooth.side, np.abs(dy * cos - dx * sin)
    waist = tooth.height - 1.6 * np.exp(-(((x - 6) / 8) ** 2)) + 1.1 * np.exp(-(((x - tooth.length + 6) / 7) ** 2))
    corner = np.float32(4.0)
    outside_x = np.maximum(np.abs(x) - tooth.length + corner, 0)
    outside_y = np.maximum(y - waist + corner, 0)
    inside = corner - np.hypot(outside_x, outside_y)
    dome = np.float32(5) * np.sqrt(np.clip(np.minimum(inside, 5) / 5, 0, 1)) - 0.35 * np.clip(y, 0, 6) ** 2 / 6
    box = np.s_[top:bottom, left:right]
    ink = np.clip(inside + 0.5, 0, 1)
    height[box] = np.maximum(height[box], dome * ink)
    tone[box] += ink * np.float32(tooth.tone - 1) * (1 - cover[box])
    cover[box] = np.maximum(cover[box], ink)


def _tear(image: Field, rng: np.random.Generator, pose: Pose, hard: bool) -> Field:
    """Torn cloth: the table shows through a ragged gap in the tape or at its border, fringed with weft."""
    side = 1 if rng.random() < 0.5 else -1
    at_border = rng.random() < 0.5
    away = _TAPE - 2 if at_border else rng.uniform(70, 125)
    spot = pose.place(side * away, rng.uniform(-190, 190))
    radius = rng.uniform(6, 9) if hard else rng.uniform(13, 30)
    outline = ragged_outline(rng, spot, radius, rough=0.28, aspect=rng.uniform(1, 2.2))
    gap = blur(polygon(outline), 0.8)
    pale = (0.60 + 0.03 * grain(rng, 1.5)) * (1 - 0.55 * blur(1 - shifted(gap, 4, 5), 3))
    below = pale[..., None] * np.array([1.0, 0.99, 0.965], dtype=np.float32)
    torn = paint(image, gap * (0.6 if hard else 1.0), below.astype(np.float32))
    roots = (spot + (outline - spot) * rng.uniform(0.75, 1.1, (len(outline), 1))).astype(np.float32)
    torn = paint(torn, 0.9 * fibres(rng, roots, length=radius * 0.7 + 4, width=2), (0.17, 0.17, 0.19))
    loose = wander(rng, spot, rng.uniform(0, 2 * np.pi), 2.5 * radius + 10, bend=1.5)
    return paint(torn, 0.7 * blur(stroke(loose, 2), 0.5), (0.36, 0.36, 0.38))


def _stain(image: Field, rng: np.random.Generator, pose: Pose, hard: bool) -> Field:
    """Rust, chalk or grease smeared over cloth and teeth."""
    spot = pose.place(rng.uniform(-110, 110), rng.uniform(-190, 190))
    radius = rng.uniform(12, 20) if hard else rng.uniform(22, 48)
    shape = blur(polygon(ragged_outline(rng, spot, radius, rough=0.25, aspect=rng.uniform(1, 2.5))), 2.0)
    patches = smoothstep(-0.9, 0.6, fractal_noise(rng, 18, 3))
    strength = rng.uniform(0.22, 0.34) if hard else rng.uniform(0.55, 0.85)
    colour = ((0.42, 0.22, 0.10), (0.72, 0.71, 0.68), (0.34, 0.30, 0.14))[int(rng.integers(3))]
    return paint(image, shape * (0.35 + 0.65 * patches) * np.float32(strength), colour)
