"""The coreset sweep of 1, 5 and 10 %: what it costs beside its 10 % member alone, each from an empty store.

`python benchmarks/sweep.py [--data-root ROOT] [--weights FILE] [--repeats N]`. Start to exit of `train.py`, alternating.
On the shared screw and ResNet-18 where they are, else on procedural images with random weights.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from patch_rows import shared_paths

REPO = Path(__file__).resolve().parents[1]
RATIOS = "0.01,0.05,0.1"


def seconds(ratios: str, cell: list[str]) -> float:
    """Start to exit of one process that runs these ratios with a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "train.py", "-m", *cell, f"coreset_ratio={ratios}", f"store.root={folder}/store",
                   f"hydra.sweep.dir={folder}/cells"]  # fmt: skip
        started = time.perf_counter()
        subprocess.run(command, cwd=REPO, check=True, capture_output=True)
        return time.perf_counter() - started


def cell(data_root: Path, weights: Path) -> tuple[list[str], str]:
    """What to run, and on what."""
    if data_root.is_dir() and weights.is_file():
        overrides = ["data=screw", f"data.root={data_root.parent}", "backbone=resnet18", f"backbone.weights={weights}"]
        return overrides, "screw"
    return ["data=synthetic", "backbone=resnet18", "backbone.weights=random"], "synthetic"


def measure(overrides: list[str], repeats: int = 3) -> dict[str, Any]:
    """Medians: `ours_s` the sweep of three, `peer_s` its 10 % member alone, `ratio` of the first to the second."""
    sweeps, alone = [], []
    for _ in range(repeats):
        sweeps.append(seconds(RATIOS, overrides))
        alone.append(seconds(RATIOS.rpartition(",")[2], overrides))
    ours, peer = statistics.median(sweeps), statistics.median(alone)
    return {"ours_s": ours, "peer_s": peer, "ratio": ours / peer, "equal": None, "n": 3, "repeats": repeats}


def main() -> None:
    """Print one JSON record."""
    data_root, weights = shared_paths()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path, default=data_root, help="folder of the screw category")
    parser.add_argument("--weights", type=Path, default=weights)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    overrides, source = cell(arguments.data_root, arguments.weights)
    print(json.dumps({"source": source} | measure(overrides, arguments.repeats)))


if __name__ == "__main__":
    main()
