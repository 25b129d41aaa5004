"""Kill a small sweep at random moments and let it be done again: `python tests/killing.py IMAGES FOLDER KILLS SEED`.

Forks, so that each round pays for the sweep but not for the imports. Every round has a folder and a store of its own; its
sweep is killed (SIGKILL) at a moment drawn from the time an undisturbed sweep takes, then started again and left alone.
Prints a JSON line a round: the moment, what was finished by then, the figures, and every making of a store entry.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from conftest import tiny_overrides
from inprocess import invoke

from adshift.results import RESULT
from adshift.store import Store

LOG = "makings.log"
CELLS = 4


def sweep(images: Path, folder: Path) -> int:
    """Two ratios under two regimes; logs every making, begun and ended. Returns the exit status."""
    fill = Store._fill

    def logged(self: Store, entry: Path, kind: str, key: Any, make: Any) -> None:
        name = f"{kind} {entry.name[:12]} {'anew' if entry.exists() else 'first'}"
        _log(folder, f"begun {name}")
        fill(self, entry, kind, key, make)
        _log(folder, f"ended {name}")

    Store._fill = logged  # type: ignore[method-assign]
    cells = ["coreset_ratio=0.05,0.2", "adaptation=none,threshold", "domain=shift", "save_maps=true"]
    overrides = [o for o in tiny_overrides(images) if not o.startswith("coreset_ratio")]
    done = invoke(
        "train.py", "-m", *overrides, *cells, f"store.root={folder / 'store'}", f"hydra.sweep.dir={folder / 'cells'}"
    )
    return done.code


def _log(folder: Path, line: str) -> None:
    with (folder / LOG).open("a") as handle:
        handle.write(line + "\n")


def in_a_fork(images: Path, folder: Path, kill_after: float | None) -> tuple[int, float]:
    """Run the sweep in a child, killed after some seconds if given; its wait status and seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        os._exit(sweep(images, folder))
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return status, time.perf_counter() - started


def figures(folder: Path) -> dict[str, Any]:
    """What each finished cell says, apart from times and the store."""
    found = {}
    for path in sorted((folder / "cells").glob(f"*/{RESULT}")):
        result = json.loads(path.read_text())
        scores = (path.parent / "scores.csv").read_text()
        maps = np.load(path.parent / "maps.npz")
        total = float(sum(maps[name].astype(np.float64).sum() for name in maps.files))
        found[path.parent.name] = [result["metrics"], result["threshold"], scores, total]
    return found


def main() -> None:
    """One line for the undisturbed sweep, then one a kill."""
    images, folder, kills, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    in_a_fork(images, folder / "warm", None)
    status, seconds = in_a_fork(images, folder / "whole", None)
    whole = figures(folder / "whole")
    print(json.dumps({"status": status, "seconds": seconds, "cells": len(whole)}), flush=True)
    generator = np.random.default_rng(seed)
    for i in range(kills):
        here = folder / str(i)
        moment = float(generator.uniform(0.0, seconds))
        cut, _ = in_a_fork(images, here, moment)
        before = sorted(figures(here))
        status, _ = in_a_fork(images, here, None)
        told = {"moment": moment, "cut": cut, "status": status, "finished": len(before)}
        same = json.dumps(figures(here)) == json.dumps(whole)
        print(json.dumps({**told, "same": same, "log": (here / LOG).read_text().splitlines()}), flush=True)


if __name__ == "__main__":
    main()
