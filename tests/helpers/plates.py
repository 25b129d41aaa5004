"""Drawn photographs of one part, a grained plate with a dark disc, under one lamp or another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

QUICK = (
    "backbone=small",
    "image_size=64",
    "metrics.bootstrap=20",
    "metrics.latency=false",
    "data.num_workers=0",
    "logger=none",
)
"""Overrides of a small run on photographs."""
Box = tuple[int, int, int, int]
"""left, top, width, height in pixels"""


def plate(seed: int, gain: float = 1.0, defect: Box | None = None, side: int = 64) -> np.ndarray:
    """uint8 [side, side, 3]; ``gain`` is the light's, a defect is a yellow rectangle."""
    generator = np.random.default_rng(seed)
    grey = np.full((side, side), 120.0) + generator.normal(0, 6, (side, side))
    rows, columns = np.indices((side, side))
    middle = side / 2 + generator.normal(0, side * 0.01, 2)
    grey[(columns - middle[0]) ** 2 + (rows - middle[1]) ** 2 < (0.3 * side) ** 2] -= 60
    pixels = np.repeat(grey[..., None], 3, axis=2)
    pixels[..., 2] += 15
    if defect is not None:
        left, top, width, height = defect
        pixels[top : top + height, left : left + width] = (240, 230, 40)
    return np.clip(gain * pixels, 0, 255).astype(np.uint8)


def photograph(path: Path, seed: int, gain: float = 1.0, defect: Box | None = None, side: int = 64) -> None:
    """One file, in the format that its suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(plate(seed, gain, defect, side)).save(path)


def photographs(folder: Path, count: int, start: int = 0, gain: float = 1.0, prefix: str = "") -> Path:
    """Good photographs ``000.png``, ``001.png``, ...; each seed is another part."""
    for i in range(count):
        photograph(folder / f"{prefix}{i:03d}.png", start + i, gain)
    return folder
