"""Pixel AUROC, average precision and PRO: ours from one shared sort, against anomalib's AUPRO with scikit-learn.

Both work on the same synthetic maps in one process, alternating. `python benchmarks/metrics.py [--growth]`.
"""

import argparse
import json
import time
from typing import Any

import numpy as np
from timing import alternating, slope

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


def measure(images: int = IMAGES, side: int = SIDE, repeats: int = 5) -> dict[str, Any]:
    """Median seconds of both sides, their ratio, and whether the three values agree to 1e-6."""
    maps, masks = blob_maps(images, side)
    seconds = alternating({"ours": lambda: ours(maps, masks), "peer": lambda: peer(maps, masks)}, repeats)
    pairs = zip(ours(maps, masks), peer(maps, masks), strict=True)
    gaps = [abs(a - b) for a, b in pairs if a is not None and b is not None]
    return {
        "source": "synthetic maps",
        "ours_s": seconds["ours"],
        "peer_s": seconds["peer"],
        "ratio": seconds["peer"] / seconds["ours"],
        "equal": len(gaps) == 3 and max(gaps) <= TOLERANCE,
        "largest_gap": max(gaps),
        "n": int(maps.size),
        "images": len(maps),
        "repeats": repeats,
        "defect_share": float(masks.mean()),
        "bootstrap_1000_s": bootstrap_seconds(maps, masks),
    }


def growth(images: int, side: int) -> dict[str, Any]:
    """Seconds for a quarter, a half and all of the images, and the slopes."""
    sizes = [images // part for part in (4, 2, 1)]
    found = [measure(size, side, repeats=3) for size in sizes]
    laps = {key: [record[key] for record in found] for key in ("ours_s", "peer_s")}
    slopes = {f"{key[:4]}_slope": slope(sizes, seconds) for key, seconds in laps.items()}
    return {"images": sizes, **laps, **slopes}


def main() -> None:
    """Print one JSON record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--growth", action="store_true")
    arguments = parser.parse_args()
    record = measure(arguments.images, arguments.side, arguments.repeats)
    if arguments.growth:
        record["growth"] = growth(arguments.images, arguments.side)
    print(json.dumps(record))


if __name__ == "__main__":
    main()
