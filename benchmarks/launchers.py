"""Four cells one after the other against two at once (hydra/launcher=joblib): wall time, in turns, medians."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
CELLS = (
    "data=weave", "domain=clean,shift", "coreset_ratio=0.01,0.05", "backbone=resnet18", "backbone.weights=random",
    "metrics.latency=false", "store=off",
)  # fmt: skip
WAYS = {"one after the other": (), "two at once": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")}


def sweep(folder: Path, overrides: tuple[str, ...], environment: dict[str, str]) -> float:
    """Seconds of a sweep of four cells."""
    started = time.perf_counter()
    command = [sys.executable, "train.py", "-m", *CELLS, f"hydra.sweep.dir={folder}", *overrides]
    subprocess.run(command, cwd=REPO, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """Print the seconds of every round, the medians, and whether the figures agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    environment["PYTHONPATH"] = str(REPO)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    figures: dict[str, list[object]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for number in range(arguments.rounds):
            for way, overrides in WAYS.items():
                folder = Path(temporary, f"{number} {way}".replace(" ", "-"))
                seconds[way].append(sweep(folder, overrides, environment))
                figures[way] = [
                    json.loads((folder / str(cell) / "result.json").read_text())["metrics"] for cell in range(4)
                ]
                print(f"round {number}, {way}: {seconds[way][-1]:.1f} s, load {os.getloadavg()[0]:.1f}", flush=True)
    for way, found in seconds.items():
        print(f"{way}: median {statistics.median(found):.1f} s of {len(found)}")
    print("figures equal:", len({json.dumps(found) for found in figures.values()}) == 1)


if __name__ == "__main__":
    main()
