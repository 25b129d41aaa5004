"""The main job, start to exit: `train.py` on screw with ResNet-18, 1 %, official split, against anomalib's pipeline.

`python benchmarks/train_job.py [--root ROOT] [--category screw] [--weights FILE] [--repeats 3]`. Both run as processes
of their own on the same images and weights at 224, layer2 and layer3; the peer is anomalib_job.py. Ours keeps nothing
from run to run (store=off). It also computes PRO and average precision, which anomalib's default evaluator does not;
our bootstrap intervals and latency figures, which have no counterpart there, are left out, and timed with the rest as
`all_s`.
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
RATIO = 0.01
SAME_WORK = ["metrics.bootstrap=0", "metrics.latency=false"]


def run(command: list[str]) -> tuple[float, str]:
    """Start to exit of a process that must succeed, and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(command, cwd=REPO, check=True, capture_output=True, text=True)
    return time.perf_counter() - started, done.stdout


def ours(root: Path, category: str, weights: str, overrides: list[str]) -> tuple[float, dict[str, Any]]:
    """Seconds and result.json of our run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "train.py", "method=patchcore", "data=folder", f"data.category={category}",
                   f"data.root={root}", "split=official", "backbone=resnet18", f"backbone.weights={weights}",
                   f"coreset_ratio={RATIO}", "store=off", f"hydra.run.dir={folder}", *overrides]  # fmt: skip
        seconds, _ = run(command)
        return seconds, json.loads((Path(folder) / "result.json").read_text())


def peer(root: Path, category: str, weights: str) -> tuple[float, dict[str, Any]]:
    """Seconds and figures of anomalib's."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(REPO / "benchmarks" / "anomalib_job.py"), "--root", str(root), "--category",
                   category, "--weights", weights, "--ratio", str(RATIO), "--out", folder]  # fmt: skip
        seconds, printed = run(command)
        return seconds, json.loads(printed.splitlines()[-1])


def measure(root: Path, category: str, weights: str, repeats: int, with_peer: bool = True) -> dict[str, Any]:
    """Median of ours, one run of the peer. `equal`: the same number of bank vectors, image AUROC within 0.03.

    The two draw other projections and other first patches, so that the banks, and with them the figures, differ a little.
    """
    laps = [ours(root, category, weights, SAME_WORK) for _ in range(repeats)]
    result = laps[-1][1]
    auroc = result["metrics"]["macro"]["image_auroc"]
    record: dict[str, Any] = {
        "ours_s": statistics.median(seconds for seconds, _ in laps),
        "peer_s": None,
        "ratio": None,
        "equal": None,
        "n": result["counts"][category]["train"],
        "repeats": repeats,
        "all_s": ours(root, category, weights, [])[0],
        "image_auroc": auroc,
        "pixel_auroc": result["metrics"]["macro"]["pixel_auroc"],
        "timing": result["timing"],
        "peak_rss_mb": result["memory"]["peak_rss_mb"],
    }
    if not with_peer:
        return record
    record["peer_s"], figures = peer(root, category, weights)
    record["ratio"] = record["peer_s"] / record["ours_s"]
    record |= {
        "peer_repeats": 1,
        "peer_image_auroc": figures["image_AUROC"],
        "peer_pixel_auroc": figures["pixel_AUROC"],
    }
    same_size = figures["bank"][0] - result["memory"]["bank_vectors"] in (0, 1)  # anomalib's keeps its random start
    record["equal"] = same_size and abs(figures["image_AUROC"] - auroc) < 0.03
    return record


def main() -> None:
    """Print one JSON record."""
    from adshift.data.synthetic import ensure

    data_root, weights = shared_paths()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=data_root.parent, help="folder that holds the category's")
    parser.add_argument("--category", default="screw")
    parser.add_argument("--weights", default=str(weights) if weights.is_file() else "random")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-peer", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, category = arguments.root, arguments.category
        if not (root / category / "train").is_dir():
            root, category = Path(folder), "nut"
            ensure(root, [category], progress=False)
        record = measure(root.resolve(), category, arguments.weights, arguments.repeats, not arguments.no_peer)
    print(json.dumps({"source": "screw" if category == "screw" else "synthetic", **record}))


if __name__ == "__main__":
    main()
