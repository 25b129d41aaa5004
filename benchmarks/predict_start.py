"""`predict.py` on one image, process start to exit, beside an older build, and `adshift.load` beside `import torch`.

`python benchmarks/predict_start.py [--repeats 5] [--no-peer]`. A drawn nut, ResNet-18 with random weights, 224 pixels, 1 %
coreset; each build fits a run of its own and predicts with it. All sides take turns.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from checkouts import BASE, REPO, checkout
from timing import alternating

CELL = ("data=nut", "backbone=resnet18", "backbone.weights=random", "coreset_ratio=0.01", "metrics.bootstrap=0")


def call(build: Path, *words: str) -> None:
    """One program of a build, to its end."""
    environment = {**os.environ, "PYTHONPATH": str(build)}
    subprocess.run([sys.executable, *words], cwd=build, env=environment, check=True, capture_output=True)


def fitted(build: Path, place: Path, images: Path) -> Path:
    """The build's run on the drawn images."""
    run = place / "run"
    call(build, "train.py", *CELL, f"data.root={images}", "metrics.latency=false", "store=off", f"hydra.run.dir={run}")
    return run


def measure(repeats: int, peer: bool) -> dict[str, Any]:
    """Median seconds. `ratio`: ours over the older build's; `load_ratio`: a load, imports and all, over `import torch`."""
    with tempfile.TemporaryDirectory() as folder, checkout(BASE) as base:
        place, sides = Path(folder), {}
        for name, build in {"ours": REPO, "peer": base if peer else None}.items():
            if build is None:
                continue
            (place / name).mkdir()
            run = fitted(build, place / name, place / "images")
            image = sorted((place / "images").rglob("test/good/*.png"))[0]
            out = place / name / "out"
            words = ("predict.py", f"run={run}", f"source={image}", f"hydra.run.dir={out}")
            sides[name] = partial(call, build, *words)
        load = f"import adshift; adshift.load({str(place / 'ours' / 'run')!r})"
        others: dict[str, Callable[[], Any]] = {
            "torch": partial(call, REPO, "-c", "import torch"),
            "load": partial(call, REPO, "-c", load),
        }
        seconds = alternating({**sides, **others}, repeats)
    theirs = seconds.get("peer")
    return {
        "ours_s": seconds["ours"],
        "peer_s": theirs,
        "ratio": None if theirs is None else seconds["ours"] / theirs,
        "equal": None,
        "import_torch_s": seconds["torch"],
        "load_s": seconds["load"],
        "load_ratio": seconds["load"] / seconds["torch"],
        "n": 1,
        "repeats": repeats,
        "source": "drawn nut",
    }


def main() -> None:
    """Print one JSON record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-peer", action="store_true", help="leave the older build out")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.repeats, not arguments.no_peer)))


if __name__ == "__main__":
    main()
