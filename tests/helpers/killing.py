"""Kill a small sweep at random moments and let it be done again: `python -m helpers.killing IMAGES FOLDER KILLS SEED`.

Forks, so that each round pays for the sweep but not for the imports. Every round has a folder and a store of its own; its
sweep is killed (SIGKILL), then started again and left alone. Writes take a hundredth of a sweep, so moments drawn from its
time alone would hardly meet one: one round in five is killed at any moment, each of the others inside one of four stages
(fit, score, store write, result write), at a time of it and an offset that are drawn.
Prints a JSON line a round: where the kill was aimed and where it struck, what was finished by then, whether the figures
are the undisturbed ones, and every making of a store entry.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from adshift.results.files import RESULT
from adshift.run import finish
from adshift.stages import fit as training
from adshift.store.store import Store
from helpers.images import tiny_overrides
from helpers.inprocess import invoke

LOG = "makings.log"
CELLS = 4
STAGES = ("fit", "score", "store write", "result write")
"""Where kills are aimed at; elsewhere is start-up, preparing images, calibration and metrics."""
MAKING = {"models": "fit", "scores": "score"}
WRITERS = ("write_scores", "write_replicates", "write_calibration", "write_maps", "write_result")
Span = tuple[str, float]


@dataclass(frozen=True)
class Aim:
    """``seconds`` after the ``entry``-th stage of the sweep begins; 0 is the sweep itself."""

    stage: str
    entry: int
    seconds: float


class Sweep:
    """The sweep as the child runs it: logs every making of a store entry, and tells the parent of every stage."""

    def __init__(self, images: Path, folder: Path, teller: int) -> None:
        self.images, self.folder, self.teller = images, folder, teller

    def run(self) -> int:
        """Two ratios under two regimes; the exit status."""
        self._watch_the_store()
        for name in (*WRITERS, "write_pictures"):
            self._watch(finish, name)
        atomic_path = training.atomic_path

        @contextlib.contextmanager
        def watched(path: Path) -> Iterator[Path]:  # the checkpoint, copied out of the store
            with self._stage("result write"), atomic_path(path) as partial:
                yield partial

        training.atomic_path = watched  # type: ignore[attr-defined]
        cells = ["coreset_ratio=0.05,0.2", "adaptation=none,threshold", "domain=shift", "save_maps=true"]
        overrides = [o for o in tiny_overrides(self.images) if not o.startswith("coreset_ratio")]
        places = [f"store.root={self.folder / 'store'}", f"hydra.sweep.dir={self.folder / 'cells'}"]
        return invoke("train.py", "-m", *overrides, *cells, *places).code

    def _watch_the_store(self) -> None:
        fill = Store._fill

        def logged(store: Store, entry: Path, kind: str, key: Any, make: Callable[..., None]) -> None:
            name = f"{kind} {entry.name[:12]} {'anew' if entry.exists() else 'first'}"
            with contextlib.ExitStack() as writing:

                def then_write(*folders: Path | None) -> None:
                    with self._stage(MAKING[kind]) if kind in MAKING else contextlib.nullcontext():
                        make(*folders)
                    writing.enter_context(self._stage("store write"))

                self._log(f"begun {name}")
                fill(store, entry, kind, key, then_write)
            self._log(f"ended {name}")

        Store._fill = logged  # type: ignore[method-assign]

    def _watch(self, module: Any, name: str) -> None:
        write = getattr(module, name)

        def watched(*arguments: Any) -> None:
            with self._stage("result write"):
                write(*arguments)

        setattr(module, name, watched)

    @contextlib.contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        os.write(self.teller, f"+{name}\n".encode())
        yield
        os.write(self.teller, f"-{name}\n".encode())

    def _log(self, line: str) -> None:
        with (self.folder / LOG).open("a") as handle:
            handle.write(line + "\n")


class Watch:
    """What the parent heard of a child's stages."""

    def __init__(self, heard: int) -> None:
        self._heard, self._rest = heard, b""
        self._open: list[tuple[str, float]] = [("elsewhere", time.perf_counter())]
        self.entries: list[str] = ["elsewhere"]
        self.spans: list[Span] = []

    @property
    def stage(self) -> str:
        """The innermost stage that was begun and has not ended."""
        return self._open[-1][0]

    def listen(self, until: float | None) -> bool:
        """Take in what comes next, until a time; whether the child still speaks."""
        patience = None if until is None else max(0.0, until - time.perf_counter())
        if not select.select([self._heard], [], [], patience)[0]:
            return True
        told = os.read(self._heard, 1 << 16)
        *lines, self._rest = (self._rest + told).split(b"\n")
        for line in lines:
            name = line[1:].decode()
            if line[:1] == b"+":
                self._open.append((name, time.perf_counter()))
                self.entries.append(name)
            else:
                _, began = self._open.pop()
                self.spans.append((name, time.perf_counter() - began))
        return bool(told)


def in_a_fork(images: Path, folder: Path, aim: Aim | None) -> tuple[int, Watch]:
    """Run the sweep in a child, killed where aimed if given; its wait status, and what was heard of it."""
    folder.mkdir(parents=True, exist_ok=True)
    heard, teller = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(heard)
        os._exit(Sweep(images, folder, teller).run())
    os.close(teller)
    watch, moment = Watch(heard), None
    while True:
        if aim is not None and moment is None and watch.entries.count(aim.stage) > aim.entry:
            moment = time.perf_counter() + aim.seconds
        if moment is not None and time.perf_counter() >= moment:
            os.kill(child, signal.SIGKILL)
            aim = moment = None
        if not watch.listen(moment):
            break
    os.close(heard)
    _, status = os.waitpid(child, 0)
    return status, watch


def aims(spans: list[Span], seconds: float, kills: int, seed: int) -> Iterator[Aim]:
    """Where to kill: in turn at any moment of the sweep and at one of each stage."""
    generator = np.random.default_rng(seed)
    for i in range(kills):
        stage = ("elsewhere", *STAGES)[i % (1 + len(STAGES))]
        lengths = [length for name, length in spans if name == stage] or [seconds]
        entry = int(generator.integers(len(lengths)))
        yield Aim(stage, entry, float(generator.uniform(0.0, lengths[entry])))


def figures(folder: Path) -> dict[str, Any]:
    """What each finished cell says, apart from times and the store."""
    found = {}
    for path in sorted((folder / "cells").glob(f"*/{RESULT}")):
        said = json.loads(path.read_text())
        scores = (path.parent / "scores.csv").read_text()
        maps = np.load(path.parent / "maps.npz")
        total = float(sum(maps[name].astype(np.float64).sum() for name in maps.files))
        found[path.parent.name] = [said["metrics"], said["threshold"], scores, total]
    return found


def import_everything(images: Path, folder: Path) -> None:
    """A cell in this process: what is imported on the way of one is then in every fork."""
    places = [f"store.root={folder / 'store'}", f"hydra.run.dir={folder / 'cell'}"]
    assert invoke("train.py", *tiny_overrides(images), "domain=shift", "save_maps=true", *places).code == 0
    gc.collect()
    gc.freeze()


def main() -> None:
    """One line for the undisturbed sweep, then one a kill."""
    images, folder, kills, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    import_everything(images, folder / "warm")
    started = time.perf_counter()
    status, watch = in_a_fork(images, folder / "whole", None)
    seconds = time.perf_counter() - started
    whole = figures(folder / "whole")
    print(json.dumps({"status": status, "seconds": seconds, "cells": len(whole), "spans": watch.spans}), flush=True)
    for i, aim in enumerate(aims(watch.spans, seconds, kills, seed)):
        here = folder / str(i)
        cut, struck = in_a_fork(images, here, aim)
        before = sorted(figures(here))
        status, _ = in_a_fork(images, here, None)
        told = {"aim": aim.stage, "struck": struck.stage if cut else "", "cut": cut, "status": status}
        same = json.dumps(figures(here)) == json.dumps(whole)
        log = (here / LOG).read_text().splitlines()
        print(json.dumps({**told, "finished": len(before), "same": same, "log": log}), flush=True)
        shutil.rmtree(here)


if __name__ == "__main__":
    main()
