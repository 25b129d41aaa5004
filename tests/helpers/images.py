"""Small drawn data sets, and the overrides of a run on one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def draw(path: Path, seed: int, *, size: int = 64, defect: bool = False) -> None:
    """A smooth noisy image; with ``defect`` a bright square at (20..30, 20..30)."""
    generator = np.random.default_rng(seed)
    ramp = np.linspace(60, 160, size)[None, :, None] + np.zeros((size, size, 3))
    pixels = ramp + generator.normal(0, 4, (size, size, 3))
    if defect:
        pixels[20:30, 20:30] = 250
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)


def draw_category(root: Path, category: str, train: int = 20, good: int = 6, defective: int = 8, seed: int = 0) -> None:
    """A category in MVTec layout: two defect types with exact masks."""
    base = root / category
    for i in range(train):
        draw(base / "train" / "good" / f"{i:03}.png", seed * 1000 + i)
    for i in range(good):
        draw(base / "test" / "good" / f"{i:03}.png", seed * 1000 + max(100, train) + i)
    mask = np.zeros((64, 64), np.uint8)
    mask[20:30, 20:30] = 255
    for kind in ("blot", "dent"):
        for i in range(defective // 2):
            draw(base / "test" / kind / f"{i:03}.png", seed * 1000 + 200 + i, defect=True)
            (base / "ground_truth" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(base / "ground_truth" / kind / f"{i:03}_mask.png")


def tiny_overrides(root: Path, category: str = "plate") -> list[str]:
    """Overrides of a run on ``tiny`` that takes a second or two."""
    return [
        "data=folder", f"data.root={root}", f"data.category={category}", "backbone=resnet18", "backbone.weights=random",
        "image_size=64", "data.num_workers=0", "metrics.bootstrap=50", "metrics.latency=false", "coreset_ratio=0.1",
    ]  # fmt: skip
