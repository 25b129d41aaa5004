"""Memory of a large fit: 1,000,384 x 384 embeddings to a 1 % coreset, from a mapped file as the store keeps them.

`python benchmarks/coreset_memory.py [--images 1276] [--folder DIR]`. The embeddings (1.5 GB) are written first, by another
process; this one maps them, gives them to PatchCore and fits. There is no peer: anomalib's holds them several times.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from timing import peak_rss_mb, seconds_of

IMAGES = 1276
SIDE = 28
DIM = 384
RATIO = 0.01
LIMIT_MB = 4000


def write(path: Path, images: int) -> None:
    """Clustered rows, image by image."""
    from patch_rows import clustered_rows

    mapped = np.lib.format.open_memmap(path, "w+", np.float32, (images, SIDE, SIDE, DIM))
    for start in range(0, images, 16):
        part = mapped[start : start + 16]
        part[:] = clustered_rows(len(part) * SIDE * SIDE, DIM, start).numpy().reshape(part.shape)
    mapped.flush()


def fit(path: Path, images: int) -> dict[str, Any]:
    """Fit in this process, and its peak."""
    import torch

    from adshift.features.backbone import FrozenBackbone
    from adshift.methods.patchcore import PatchCore

    method = PatchCore(FrozenBackbone("resnet18", ("layer2", "layer3"), "random"), RATIO)
    embedding_NHWD = torch.from_numpy(np.load(path, mmap_mode="c"))
    before = peak_rss_mb()

    def whole() -> None:
        method.begin_fit(images)
        method.collect(embedding_NHWD)
        method.finish_fit()

    seconds = seconds_of(whole)
    return {
        "ours_s": seconds,
        "peer_s": None,
        "ratio": None,
        "equal": None,
        "n": images * SIDE * SIDE,
        "bank": len(method.bank_MD),
        "peak_mb": peak_rss_mb(),
        "imported_mb": before,
        "within_limit": peak_rss_mb() < LIMIT_MB,
        "limit_mb": LIMIT_MB,
        "repeats": 1,
    }


def main() -> None:
    """Print one JSON record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--folder", type=Path, help="where the file goes; it is removed")
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    if arguments.write:
        write(arguments.write, arguments.images)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "embedding.npy"
        command = [sys.executable, __file__, "--write", str(path), "--images", str(arguments.images)]
        subprocess.run(command, check=True)
        print(json.dumps({"source": "synthetic", **fit(path, arguments.images)}))


if __name__ == "__main__":
    main()
