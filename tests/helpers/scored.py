"""A small test set: scores, labels, anomaly maps and masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def scored(seed: int = 0, n: int = 24, side: int = 20) -> tuple[Array, Array, Array, Array]:
    """Scores, labels, maps and masks of a small test set; the last third is anomalous."""
    generator = np.random.default_rng(seed)
    labels = (np.arange(n) >= 2 * n // 3).astype(int)
    maps = generator.gamma(4.0, 1.0, (n, side, side)).astype(np.float32)
    masks = np.zeros((n, side, side), np.uint8)
    for i in np.flatnonzero(labels):
        y, x = generator.integers(0, side - 5, 2)
        masks[i, y : y + 4, x : x + 5] = 255
        maps[i, y : y + 4, x : x + 5] += generator.gamma(3.0, 1.5)
    return maps.max(axis=(1, 2)), labels, maps, masks
