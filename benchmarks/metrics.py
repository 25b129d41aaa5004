"""Pixel AUROC, average precision and PRO: ours from one shared sort, against anomalib's AUPRO with scikit-learn.

Both work on the same synthetic maps in one process, alternating. `python benchmarks/metrics.py` prints the record.
"""

import json
import statistics
import time
from typing import Any

import numpy as np

IMAGES = 160
SIDE = 224
TOLERANCE = 1e-6


def blob_maps(images: int = IMAGES, side: int = SIDE, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Raw distance maps (images, side, side) float32 and masks uint8; three of four images carry one to three discs.

    Maps are smooth noise (a score grid upsampled bilinearly, as from a patch method) raised over most, not all, of a disc.
    """
    from scipy.ndimage import zoom

    generator = np.random.default_rng(seed)
    masks = np.zeros((images, side, side), np.uint8)
    maps = np.empty((images, side, side), np.float32)
    rows, columns = np.mgrid[:side, :side]
    for i in range(images):
        grid = generator.gamma(8.0, 0.25, (side // 8, side // 8)).astype(np.float32)
        for _ in range(int(generator.integers(1, 4)) if i % 4 else 0):
            y, x, radius = *generator.integers(20, side - 20, 2), generator.integers(4, 18)
            masks[i] |= (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
            span = max(1, radius // 8)
            row, column = y // 8, x // 8
            grid[row - span : row + span, column - span : column + span] += generator.gamma(4.0, 0.6)
        maps[i] = zoom(grid, 8, order=1, grid_mode=True, mode="nearest")
    return maps, masks


def ours(maps: np.ndarray, masks: np.ndarray) -> list[float | None]:
    """PRO at 0.3, pixel AUROC and pixel average precision from one sort."""
    from adshift.metrics.pixel import PixelRanking

    ranking = PixelRanking.from_maps(list(maps), list(masks))
    return [ranking.pro(0.3), ranking.auroc(), ranking.average_precision()]


def peer(maps: np.ndarray, masks: np.ndarray) -> list[float | None]:
    """The same three from anomalib and scikit-learn."""
    import torch
    from anomalib.metrics.aupro import _AUPRO
    from sklearn.metrics import average_precision_score, roc_auc_score

    aupro = _AUPRO(fpr_limit=0.3)
    aupro.update(torch.from_numpy(maps), torch.from_numpy(masks))
    labels, scores = masks.ravel(), maps.ravel()
    return [
        float(aupro.compute()),
        float(roc_auc_score(labels, scores)),
        float(average_precision_score(labels, scores)),
    ]


def bootstrap_seconds(maps: np.ndarray, masks: np.ndarray) -> float:
    """Seconds for all figures with 1000 resamples, less those without intervals."""
    from adshift.metrics.summary import figures

    scores, labels = maps.reshape(len(maps), -1).max(axis=1), masks.reshape(len(masks), -1).any(axis=1)
    seconds = []
    for replicates in (0, 1000):
        start = time.perf_counter()
        figures(scores, labels, 4.0, maps=maps, masks=masks, pixel_threshold=3.0, replicates=replicates)
        seconds.append(time.perf_counter() - start)
    return seconds[1] - seconds[0]


def measure(repeats: int = 3) -> dict[str, Any]:
    """Median seconds of both sides, their ratio, and whether the three values agree to 1e-6."""
    maps, masks = blob_maps()
    ours(maps[:4], masks[:4])  # imports
    peer(maps[:4], masks[:4])
    ours_s, peer_s = [], []
    for _ in range(repeats):
        for side, seconds in ((ours, ours_s), (peer, peer_s)):
            start = time.perf_counter()
            values = side(maps, masks)
            seconds.append(time.perf_counter() - start)
            if side is ours:
                mine = values
    gaps = [abs(a - b) for a, b in zip(mine, values, strict=True) if a is not None and b is not None]
    return {
        "ours_s": statistics.median(ours_s),
        "peer_s": statistics.median(peer_s),
        "ratio": statistics.median(peer_s) / statistics.median(ours_s),
        "equal": len(gaps) == 3 and max(gaps) <= TOLERANCE,
        "largest_gap": max(gaps),
        "n": int(maps.size),
        "images": len(maps),
        "defect_share": float(masks.mean()),
        "bootstrap_1000_s": bootstrap_seconds(maps, masks),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
