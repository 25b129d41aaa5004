"""Memory of PaDiM's fit: how the peak RSS of a process grows from 100 to 400 images, ours and anomalib's.

`python benchmarks/padim_memory.py [--data-root SCREW] [--weights FILE] [--images 100 400]`. Each fit runs in a process of
its own: ResNet-18, layer1 to layer3, 100 channels, input 224, batches of 32. Images beyond those on disk repeat; the fit
does not care. Anomalib's is its torch model, which keeps every embedding until the fit.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from patch_rows import shared_paths
from timing import peak_rss_mb

BATCH = 32
CHANNELS = 100


def batches(data_root: Path, count: int) -> Any:
    """Normalised batches of `count` images, read as they are needed; synthetic noise where there are none on disk."""
    import torch

    from adshift.data.images import normalise, read_image
    from adshift.shift.pixels import resize_image

    paths = sorted((data_root / "train" / "good").glob("*.png"))
    for start in range(0, count, BATCH):
        places = range(start, min(start + BATCH, count))
        if paths:
            yield torch.stack([normalise(resize_image(read_image(paths[i % len(paths)]), 224)) for i in places])
        else:
            yield torch.stack([torch.randn(3, 224, 224, generator=torch.Generator().manual_seed(i)) for i in places])


def model_of(weights: str) -> Any:
    """Our PaDiM; anomalib's model, on the same backbone, is inside it."""
    from adshift.features.backbone import FrozenBackbone
    from adshift.methods.padim import PaDiM

    return PaDiM(FrozenBackbone("resnet18", ("layer1", "layer2", "layer3"), weights), CHANNELS)


def fit_ours(data_root: Path, weights: str, count: int) -> tuple[Any, Any]:
    """Mean and precision."""
    method = model_of(weights)
    method.begin_fit(count)
    for images in batches(data_root, count):
        method.collect(method.embed(images))
    method.finish_fit()
    return method.model.gaussian.mean, method.model.gaussian.inv_covariance


def fit_peer(data_root: Path, weights: str, count: int) -> tuple[Any, Any]:
    """Mean and precision, by anomalib's own training pass and fit."""
    model = model_of(weights).model
    model.train()
    for images in batches(data_root, count):
        model(images)
    model.fit()
    return model.gaussian.mean, model.gaussian.inv_covariance


def child(side: str, data_root: Path, weights: str, count: int, out: Path) -> None:
    """One fit in this process: its figures go to stdout, its statistics to a file."""
    started = time.perf_counter()
    mean, precision = (fit_ours if side == "ours" else fit_peer)(data_root, weights, count)
    seconds, peak = time.perf_counter() - started, peak_rss_mb()
    np.savez(out, mean=mean.numpy(), precision=precision.numpy())
    print(json.dumps({"seconds": seconds, "peak_mb": peak}))


def difference(folder: Path, count: int) -> float:
    """The larger of the relative differences of mean and precision, in the Frobenius norm."""
    with np.load(folder / f"ours_{count}.npz") as mine, np.load(folder / f"peer_{count}.npz") as theirs:
        gaps = [np.linalg.norm(mine[k] - theirs[k]) / np.linalg.norm(theirs[k]) for k in ("mean", "precision")]
    return float(max(gaps))


def measure(data_root: Path, weights: str, images: tuple[int, int]) -> dict[str, Any]:
    """Peaks in MB at both sizes; `ratio` is the growth of ours; `equal`: the same statistics as anomalib's to 1e-3.

    Anomalib sums in float32 and inverts with a general inverse: that, not ours, is what the tolerance is for.
    """
    found: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
    with tempfile.TemporaryDirectory() as folder:
        for count in images:
            for side, runs in found.items():
                command = [sys.executable, __file__, "--child", side, "--data-root", str(data_root), "--weights", weights,
                           "--images", str(count), "--out", f"{folder}/{side}_{count}.npz"]  # fmt: skip
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                runs.append(json.loads(done.stdout.splitlines()[-1]))
        gap = difference(Path(folder), images[0])
    peaks = {side: [run["peak_mb"] for run in runs] for side, runs in found.items()}
    return {
        "ours_s": found["ours"][-1]["seconds"],
        "peer_s": found["peer"][-1]["seconds"],
        "ratio": peaks["ours"][1] / peaks["ours"][0],
        "peer_ratio": peaks["peer"][1] / peaks["peer"][0],
        "equal": gap < 1e-3,
        "largest_gap": gap,
        "n": list(images),
        "ours_mb": peaks["ours"],
        "peer_mb": peaks["peer"],
        "repeats": 1,
    }


def main() -> None:
    """Print one JSON record."""
    data_root, weights = shared_paths()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path, default=data_root, help="folder of the screw category")
    parser.add_argument("--weights", default=str(weights) if weights.is_file() else "random")
    parser.add_argument("--images", type=int, nargs="+", default=[100, 400])
    parser.add_argument("--child", choices=("ours", "peer"))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.data_root, arguments.weights, arguments.images[0], arguments.out)
        return
    source = "screw" if (arguments.data_root / "train" / "good").is_dir() else "synthetic"
    smaller, larger = arguments.images
    print(json.dumps({"source": source, **measure(arguments.data_root, arguments.weights, (smaller, larger))}))


if __name__ == "__main__":
    main()
