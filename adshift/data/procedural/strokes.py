"""Shapes that defects are made of: wandering lines, strokes of varying width, ragged blobs, loose fibres."""

import cv2
import numpy as np
import numpy.typing as npt

from adshift.data.procedural.noise import CANVAS, Field

Points = npt.NDArray[np.float32]  # (N, 2), x and y in canvas pixels

_SHIFT = 4  # fractional bits of the coordinates handed to OpenCV


def _fixed(points_N2: Points) -> npt.NDArray[np.int32]:
    return np.round(points_N2 * (1 << _SHIFT)).astype(np.int32)


def _cover(ink: npt.NDArray[np.uint8]) -> Field:
    return ink.astype(np.float32) / np.float32(255)


def wander(
    rng: np.random.Generator, middle: Points, angle: float, length: float, *, bend: float, steps: int = 24
) -> Points:
    """A line of `steps` + 1 points through `middle` (2,), its heading straying by about `bend` radians."""
    orders = np.arange(1, 6)
    waves = np.sin(np.pi * orders[:, None] * np.linspace(0, 1, steps) + rng.uniform(0, 2 * np.pi, 5)[:, None])
    headings = angle + bend * (rng.normal(0, 1, 5) / orders) @ waves
    moves = np.stack([np.cos(headings), np.sin(headings)], axis=1) * (length / steps)
    points = np.concatenate([np.zeros((1, 2)), np.cumsum(moves, axis=0)])
    return np.asarray(points - points[steps // 2] + middle, dtype=np.float32)


def stroke(points_N2: Points, widths: float | Points) -> Field:
    """Cover (CANVAS, CANVAS) in [0, 1] of a line `widths` canvas pixels wide (one width, or one a point)."""
    ink = np.zeros((CANVAS, CANVAS), dtype=np.uint8)
    fixed = _fixed(points_N2)
    if isinstance(widths, float | int):
        cv2.polylines(ink, [fixed], False, 255, max(1, round(widths)), cv2.LINE_AA, _SHIFT)
        return _cover(ink)
    for start, end, width in zip(fixed[:-1], fixed[1:], (widths[:-1] + widths[1:]) / 2, strict=True):
        first, last = (int(start[0]), int(start[1])), (int(end[0]), int(end[1]))
        cv2.line(ink, first, last, 255, max(1, round(float(width))), cv2.LINE_AA, _SHIFT)
    return _cover(ink)


def tapered(count: int, width: float) -> Points:
    """Widths (count,) of a lens: `width` in the middle, 1 at the ends."""
    return (1 + (width - 1) * np.sin(np.linspace(0, np.pi, count)) ** 0.7).astype(np.float32)


def polygon(points_N2: Points) -> Field:
    """Cover (CANVAS, CANVAS) in [0, 1] of a filled polygon with antialiased edges."""
    ink = np.zeros((CANVAS, CANVAS), dtype=np.uint8)
    cv2.fillPoly(ink, [_fixed(points_N2)], 255, cv2.LINE_AA, _SHIFT)
    return _cover(ink)


def ragged_outline(
    rng: np.random.Generator,
    middle: Points,
    radius: float,
    *,
    rough: float,
    aspect: float = 1.0,
    count: int = 72,
) -> Points:
    """Outline (count, 2) of a blob of mean radius `radius`, its radius straying by about `rough` of it."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    orders = np.arange(2, 10)
    weights = rng.normal(0, rough, len(orders)) / np.sqrt(orders)
    phases = rng.uniform(0, 2 * np.pi, len(orders))
    stray = (weights[:, None] * np.sin(orders[:, None] * angles + phases[:, None])).sum(axis=0)
    reach = radius * np.clip(1 + stray, 0.35, 1.8)
    turn = rng.uniform(0, np.pi)
    x, y = reach * np.cos(angles) * np.sqrt(aspect), reach * np.sin(angles) / np.sqrt(aspect)
    turned = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=1)
    return np.asarray(turned + middle, dtype=np.float32)


def fibres(rng: np.random.Generator, roots_N2: Points, *, length: float, width: float = 1) -> Field:
    """Cover of one short bent fibre at each root, at any angle, up to `length` canvas pixels long."""
    ink = np.zeros((CANVAS, CANVAS), dtype=np.uint8)
    for root in roots_N2:
        line = wander(rng, root, rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 1) * length, bend=1.2, steps=6)
        shade = int(rng.integers(120, 256))
        cv2.polylines(ink, [_fixed(line)], False, shade, max(1, round(width)), cv2.LINE_AA, _SHIFT)
    return _cover(ink)


def shifted(cover: Field, dx: int, dy: int) -> Field:
    """The cover moved by whole canvas pixels, empty where nothing came in (for cast shadows)."""
    moved = np.zeros_like(cover)
    (to_x, from_x), (to_y, from_y) = (_overlap(step) for step in (dx, dy))
    moved[to_y, to_x] = cover[from_y, from_x]
    return moved


def _overlap(step: int) -> tuple[slice, slice]:
    """Along an axis of the canvas that is moved by ``step``: where its pixels come to lie, and which these are."""
    return slice(max(step, 0), CANVAS + min(step, 0)), slice(max(-step, 0), CANVAS - max(step, 0))
