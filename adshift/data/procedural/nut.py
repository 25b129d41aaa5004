"""`nut`: a hazelnut-like object at any rotation on a dark ground; crack, cut, hole and print defects."""

import math
from dataclasses import dataclass

import cv2
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
from adshift.data.procedural.strokes import Points, polygon, ragged_outline, shifted, stroke, tapered, wander

DEFECTS = ("crack", "cut", "hole", "print")

# strokes of the stamp's signs on a unit square, x to the right and y down
_SIGNS: tuple[tuple[tuple[tuple[float, float], ...], ...], ...] = (
    (((0.1, 0.0), (0.1, 1.0)), ((0.9, 0.0), (0.1, 0.55), (0.9, 1.0))),
    (((0.0, 0.0), (0.9, 0.0), (0.3, 1.0)),),
    (((0.7, 1.0), (0.7, 0.0), (0.0, 0.7), (0.95, 0.7)),),
    (((0.85, 0.0), (0.1, 0.0), (0.1, 1.0), (0.85, 1.0)), ((0.1, 0.5), (0.65, 0.5))),
    (((0.0, 0.0), (1.0, 1.0)), ((1.0, 0.0), (0.0, 1.0))),
)


@dataclass(frozen=True)
class Nut:
    """A sound nut: where it lies, and what `render` lights (fields of `box`, the window around it)."""

    middle: Points
    radius: float
    box: tuple[slice, slice]
    shell: Field  # colour before the light, (h, w, 3)
    lit: Field
    gloss: Field
    cover: Field
    ground: Field  # the felt with the nut's shadow, (CANVAS, CANVAS, 3)


def stage(rng: np.random.Generator) -> Nut:
    """Lay a nut on the felt: size, place, roll, tilt, outline, shell and light are drawn."""
    radius = rng.uniform(152, 176)
    middle = (CANVAS / 2 + rng.uniform(-14, 14, 2)).astype(np.float32)
    roll, tilt = rng.uniform(0, 2 * np.pi), math.radians(rng.uniform(-38, 38))
    x, y = plane()
    left, top = (max(0, int(near - 1.2 * radius)) for near in middle)
    right, bottom = (min(CANVAS, int(near + 1.2 * radius)) for near in middle)
    box = np.s_[top:bottom, left:right]
    dx, dy = x[:, left:right] - middle[0], y[top:bottom] - middle[1]
    along = dx * math.cos(roll) + dy * math.sin(roll)
    aside = dy * math.cos(roll) - dx * math.sin(roll)
    rho, bearing = _outline(rng, along, aside, radius, tilt)
    depth = np.sqrt(np.clip(1 - rho * rho, 0, 1))
    shell = _shell(rng, rho * np.cos(bearing), rho * np.sin(bearing), depth, tilt, box)
    lamp = math.atan2(-0.75, -0.55) + rng.normal(0, 0.08)  # upper left
    slant = np.cos(bearing + (roll - lamp)) * rho
    lit = 0.46 + 0.60 * depth + 0.14 * slant
    gloss = 0.045 * np.clip(0.8 * depth + 0.6 * slant, 0, 1) ** 14
    cover = np.clip((1 - rho) * radius + 0.5, 0, 1)
    return Nut(middle, radius, box, shell, lit, gloss, cover, _ground(rng, cover, box))


def render(part: Nut, defect: str | None, rng: np.random.Generator) -> Field:
    """Canvas (CANVAS, CANVAS, 3) in [0, 1] of the nut, with the defect that `rng` draws."""
    shell = part.shell
    if defect is not None:
        whole = np.zeros((CANVAS, CANVAS, 3), dtype=np.float32)
        whole[part.box] = shell
        shell = _harm(whole, defect, rng, part.middle, part.radius)[part.box]
    image = part.ground.copy()
    body = shell * part.lit[..., None] + part.gloss[..., None]
    image[part.box] = paint(image[part.box], part.cover, body)
    return np.clip(image, 0, 1)


def _outline(rng: np.random.Generator, along: Field, aside: Field, radius: float, tilt: float) -> tuple[Field, Field]:
    """Distance from the middle in units of the outline's, and bearing from the axis, (H, W) each."""
    bearing = np.arctan2(aside, along)
    turned = np.abs(bearing)
    tip = rng.uniform(0.05, 0.12) * math.cos(tilt) ** 2
    flat = rng.uniform(0.04, 0.09) * math.cos(tilt) ** 2
    reach = 1 + tip * np.exp(-((turned / 0.30) ** 2)) - flat * np.exp(-(((np.pi - turned) / 0.6) ** 2))
    reach += rng.uniform(-0.05, 0.06) * np.cos(2 * bearing)
    reach += 0.014 * rng.normal() * np.cos(3 * bearing + rng.uniform(0, 6.28))
    reach += 0.008 * rng.normal() * np.cos(5 * bearing + rng.uniform(0, 6.28))
    rho = np.hypot(along, aside) / (radius * reach)
    return rho.astype(np.float32), bearing.astype(np.float32)


def _streaks(rng: np.random.Generator, longitude: Field, latitude: Field, columns: int, rows: int) -> Field:
    """Noise drawn out along the meridians: `columns` cells round the nut, `rows` from pole to pole."""
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    at_x = longitude * (columns / (2 * np.pi)) + columns
    at_y = (latitude / np.pi + 0.5) * (rows - 1)
    wrapped = cv2.remap(grid, remainder(at_x, columns), at_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)
    return np.asarray(wrapped, dtype=np.float32)


def _shell(rng: np.random.Generator, px: Field, py: Field, pz: Field, tilt: float, box: tuple[slice, slice]) -> Field:
    """Colour (h, w, 3) of the shell in `box` before the light: brown ribs, dusty tip, rough pale base."""
    cos, sin = math.cos(tilt), math.sin(tilt)
    latitude = np.arcsin(np.clip(px * cos + pz * sin, -1, 1))
    longitude = np.arctan2(py, pz * cos - px * sin)
    ribs = _streaks(rng, longitude, latitude, 44, 4)
    fine = _streaks(rng, longitude, latitude, 170, 9)
    mottle = fractal_noise(rng, 60, 3)[box]
    speck = grain(rng, 1.0)[box]
    brown = np.array([0.585, 0.305, 0.175]) * rng.uniform(0.88, 1.1) + rng.normal(0, 1, 3) * [
        0.02,
        0.014,
        0.008,
    ]
    tone = 1.03 + 0.10 * ribs - 0.09 * np.abs(fine) + 0.045 * mottle + 0.035 * speck
    shell = tone[..., None] * brown.astype(np.float32)
    tip = smoothstep(0.75, 1.35, latitude + 0.12 * fine + 0.08 * mottle) * rng.uniform(0.4, 0.75)
    shell = paint(shell, tip.astype(np.float32), (0.55, 0.43, 0.36))
    edge = math.radians(rng.uniform(-58, -44))
    border = latitude - edge + 0.035 * ribs + 0.03 * fine
    hair = 0.80 + 0.22 * _streaks(rng, longitude, latitude, 230, 26) + 0.12 * speck + 0.10 * mottle
    scar = np.clip(hair, 0.2, 1.6)[..., None] * np.array([0.58, 0.44, 0.34], dtype=np.float32)
    shell = paint(shell, 0.5 * np.exp(-(((border - 0.045) / 0.03) ** 2)), (0.66, 0.46, 0.30))
    shell = paint(shell, smoothstep(0.02, -0.02, border), scar.astype(np.float32))
    return paint(shell, 0.5 * np.exp(-(((border + 0.02) / 0.025) ** 2)), (0.20, 0.13, 0.10))


def _ground(rng: np.random.Generator, cover: Field, box: tuple[slice, slice]) -> Field:
    """The dark felt under the nut that covers `box` by `cover`, with its contact shadow."""
    whole = np.zeros((CANVAS, CANVAS), dtype=np.float32)
    whole[box] = cover
    shade = 1 - 0.45 * blur(shifted(whole, 8, 10), 14)
    felt = (0.135 + 0.010 * smooth_noise(rng, 110) + 0.008 * grain(rng, 1.4)) * shade
    return np.asarray(felt[..., None] * np.array([0.96, 0.98, 1.08], dtype=np.float32), dtype=np.float32)


def _harm(shell: Field, defect: str, rng: np.random.Generator, middle: Points, radius: float) -> Field:
    """The shell with one defect within 0.6 radii of its middle."""
    hard = rng.random() < 0.35
    away, angle = 0.6 * radius * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
    spot = (middle + away * np.array([np.cos(angle), np.sin(angle)])).astype(np.float32)
    if defect == "crack":
        return _crack(shell, rng, spot, hard)
    if defect == "cut":
        return _cut(shell, rng, spot, hard)
    if defect == "hole":
        return _hole(shell, rng, spot, hard)
    return _print(shell, rng, spot, hard)


def _crack(shell: Field, rng: np.random.Generator, spot: Points, hard: bool) -> Field:
    """A jagged fissure; an easy one runs into a chip through which the kernel shows."""
    length = rng.uniform(50, 90) if hard else rng.uniform(80, 130)
    line = wander(rng, spot, rng.uniform(0, 2 * np.pi), length, bend=1.0, steps=20)
    line += rng.normal(0, 1.8, line.shape).astype(np.float32)
    fissure = blur(stroke(line, tapered(len(line), rng.uniform(2, 3) if hard else rng.uniform(3, 5))), 0.6)
    edge = blur(shifted(fissure, 2, 2), 0.8) * (1 - fissure)
    image = paint(paint(shell, 0.45 * edge, (0.72, 0.56, 0.40)), 0.85 * fissure, (0.10, 0.06, 0.05))
    if hard:
        return image
    wide = rng.uniform(18, 34)
    outline = ragged_outline(rng, line[-1], wide, rough=0.35, aspect=rng.uniform(1, 1.8), count=11)
    chip = blur(polygon(outline), 0.7)
    inner = blur(polygon(line[-1] + (outline - line[-1]) * np.float32(0.80)), 0.8)
    kernel = 0.52 + 0.10 * fractal_noise(rng, 14, 2)
    shade = 1 - 0.85 * blur(1 - shifted(inner, 4, 5), 4)
    pit = np.clip(kernel * shade, 0.02, 1)[..., None] * np.array([1.0, 0.62, 0.42], dtype=np.float32)
    rim = (0.9 + 0.08 * grain(rng, 1.2))[..., None] * np.array([0.80, 0.64, 0.46], dtype=np.float32)
    return paint(paint(image, chip, rim.astype(np.float32)), inner, pit.astype(np.float32))


def _cut(shell: Field, rng: np.random.Generator, spot: Points, hard: bool) -> Field:
    """One to three parallel scratches down to the pale wood of the shell, dark along one side."""
    angle = rng.uniform(0, np.pi)
    across = np.array([-np.sin(angle), np.cos(angle)])
    image = shell
    for scratch in range(1 if hard else int(rng.integers(1, 4))):
        length = rng.uniform(16, 34) if hard else rng.uniform(40, 95)
        width = rng.uniform(3, 4.5) if hard else rng.uniform(6, 12)
        centre = (spot + across * scratch * rng.uniform(14, 26)).astype(np.float32)
        line = wander(rng, centre, angle + rng.normal(0, 0.06), length, bend=0.25)
        groove = blur(stroke(line, tapered(len(line), width)), 0.7)
        wood = (0.85 + 0.14 * grain(rng, 1.3))[..., None] * np.array([0.72, 0.56, 0.38], dtype=np.float32)
        image = paint(image, groove * (0.55 if hard else 0.9), wood.astype(np.float32))
        side = blur(stroke(line + (across * width * 0.3).astype(np.float32), max(1.0, width / 4)), 0.6)
        image = paint(image, 0.7 * side * groove, (0.16, 0.10, 0.07))
    return image


def _hole(shell: Field, rng: np.random.Generator, spot: Points, hard: bool) -> Field:
    """A weevil's exit hole: dark and round; an easy one is larger and has a gnawed pale rim."""
    radius = rng.uniform(3.5, 5) if hard else rng.uniform(7, 14)
    pit = blur(polygon(ragged_outline(rng, spot, radius, rough=0.07)), 0.8)
    image = shell
    if not hard:
        rim = blur(polygon(ragged_outline(rng, spot, radius * rng.uniform(1.3, 1.9), rough=0.2)), 1.0)
        gnawed = (0.85 + 0.16 * grain(rng, 1.4))[..., None] * np.array([0.72, 0.55, 0.38], dtype=np.float32)
        image = paint(image, 0.85 * rim, gnawed.astype(np.float32))
    wall = blur(shifted(pit, 2, 3), 1.5) * pit
    image = paint(image, (0.75 if hard else 0.95) * pit, (0.26, 0.15, 0.09))
    return paint(image, (0.6 if hard else 0.9) * wall, (0.045, 0.03, 0.03))


def _print(shell: Field, rng: np.random.Generator, spot: Points, hard: bool) -> Field:
    """One or two stamped signs in worn ink; a hard one is small and faint."""
    size = rng.uniform(20, 28) if hard else rng.uniform(32, 56)
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    ink = np.zeros((CANVAS, CANVAS), dtype=np.float32)
    for place in range(1 if hard else int(rng.integers(1, 3))):
        for line in _SIGNS[int(rng.integers(len(_SIGNS)))]:
            flat = (np.array(line) - 0.5) * [0.7 * size, size] + [place * size, 0]
            ink = np.maximum(ink, stroke((flat @ turn.T + spot).astype(np.float32), max(3.0, size / 8)))
    strength = 0.30 if hard else rng.uniform(0.6, 0.9)
    worn = np.clip(0.85 + 0.25 * smooth_noise(rng, 8), 0.3, 1) * strength
    colour = ((0.80, 0.78, 0.72), (0.09, 0.08, 0.10), (0.20, 0.26, 0.44))[int(rng.integers(3))]
    return paint(shell, blur(ink, 1.0) * worn, colour)
