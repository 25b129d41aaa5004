"""A warm `train.py`, start to exit, whose every stage is in the store: this checkout beside another, in turns.

`python benchmarks/warm_start.py OTHER [--root ROOT --category screw --weights FILE] [--repeats 5]`. OTHER is a checkout of
the state to hold it against. Each has a store of its own, filled by a first run that does not count. Without a root the
cell is `data=nut backbone=small`, with one ResNet-18 on that category. Seconds of CPU time (user and system) are given
beside those of the clock, which other work on the machine stretches.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]


def seconds(checkout: Path, place: Path, lap: int, cell: list[str]) -> tuple[float, float]:
    """Start to exit of one run by a checkout's program, and its CPU time; all but the first must find its work done."""
    out = place / str(lap)
    command = [sys.executable, "train.py", *cell, f"store.root={place / 'store'}", f"hydra.run.dir={out}"]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    started, before = time.perf_counter(), _cpu()
    subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True)
    spent = time.perf_counter() - started, _cpu() - before
    made = json.loads((out / "result.json").read_text())["store"]["made"]
    if lap and made:
        sys.exit(f"{checkout} made {made} in a warm run")
    return spent


def _cpu() -> float:
    """CPU seconds of the processes that have ended below this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(other: Path, cell: list[str], repeats: int) -> dict[str, Any]:
    """Medians of warm runs, and their ratios: this checkout's to the other's."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {"ours": (REPO, Path(folder, "ours")), "peer": (other, Path(folder, "peer"))}
        laps: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
        for lap in range(repeats + 1):
            order = list(sides) if lap % 2 else list(sides)[::-1]
            for side in order:
                laps[side].append(seconds(*sides[side], lap, cell))
    record: dict[str, Any] = {"repeats": repeats, "laps": laps}
    for place, end in enumerate(("", "_cpu")):
        ours, peer = (statistics.median(lap[place] for lap in laps[side][1:]) for side in sides)
        record |= {f"ours{end}_s": ours, f"peer{end}_s": peer, f"ratio{end}": ours / peer}
    return record


def main() -> None:
    """Print one JSON record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, metavar="OTHER")
    parser.add_argument("--root", type=Path, help="folder that holds the category's")
    parser.add_argument("--category", default="screw")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as drawn:
        cell = ["data=nut", f"data.root={drawn}", "backbone=small"]
        if chosen.root is not None:
            weights = "random" if chosen.weights is None else chosen.weights.resolve()
            cell = ["data=folder", f"data.root={chosen.root.resolve()}", f"data.category={chosen.category}",
                    "backbone=resnet18", f"backbone.weights={weights}"]  # fmt: skip
        print(json.dumps({"cell": cell, **measure(chosen.other.resolve(), cell, chosen.repeats)}))


if __name__ == "__main__":
    main()
