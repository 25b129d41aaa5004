"""A watch's configuration, the evidence made anew from its rows, and a process that is killed again and again."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from helpers.images import draw
from helpers.repo import REPO


def chosen(run: Path, source: Path, **values: Any) -> dict[str, Any]:
    """The keys of conf/watch.yaml, resolved; those with a dot written with two underscores."""
    config = OmegaConf.load(REPO / "conf" / "watch.yaml")
    del config["hydra"]
    for key, value in {"run": str(run), "source": str(source), "once": True, "pictures": "none", **values}.items():
        OmegaConf.update(config, key.replace("__", "."), value)
    found = OmegaConf.to_container(config, resolve=True)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}


def replayed(folder: Path) -> Iterator[tuple[float, float]]:
    """Of every scored part of a watch's first epoch: its level as it was kept, and as it is when nothing interrupts."""
    from adshift.drift.evidence import Evidence
    from adshift.results.read import read_calibration
    from adshift.watch.book import Book
    from adshift.watch.database import NAME
    from adshift.watch.streams import STREAMS

    book = Book(folder / NAME)
    (epoch,) = book.epochs()
    evidence = Evidence(STREAMS, epoch.delta, epoch.seed)
    evidence.learn(0, next(iter(read_calibration(Path(epoch.run)).normals.values())))
    for i in range(1, len(STREAMS)):
        evidence.learn(i, (look[i - 1] for look in epoch.looks))
    for part in book.parts("score IS NOT NULL"):
        assert part.score is not None
        assert part.level is not None
        evidence.update(part.number, (part.score, *part.looks))
        yield part.level, evidence.level()
    book.close()


def fill(source: Path, count: int, seed: int, pause: float) -> None:
    """Write images as cameras do: in one go, renamed into place, or slowly, in pieces."""
    rng = random.Random(seed)
    slow: list[threading.Thread] = []
    for number in range(count):
        hidden = source / f".{number:05}.png"
        draw(hidden, 7000 + number)
        held = hidden.read_bytes()
        place = source / f"{number:05}.png"
        how = rng.choice(("whole", "renamed", "slow"))
        if how == "renamed":
            hidden.rename(place)
        else:
            hidden.unlink()
            if how == "whole":
                place.write_bytes(held)
            else:
                slow.append(threading.Thread(target=_slowly, args=(place, held, rng.uniform(0.05, 0.6))))
                slow[-1].start()
        time.sleep(rng.expovariate(1 / pause))
    for thread in slow:
        thread.join()


def _slowly(place: Path, held: bytes, seconds: float) -> None:
    pieces = 6
    with place.open("wb", buffering=0) as handle:
        for i in range(pieces):
            handle.write(held[i * len(held) // pieces : (i + 1) * len(held) // pieces])
            time.sleep(seconds / pieces)


def main(run: str, base: str, kills: str, images: str, seed: str) -> None:
    """Kill a watch at random moments while its folder is filled; at last let it finish."""
    import torch

    import adshift.watch.job as job

    torch.set_num_threads(1)
    rng = random.Random(int(seed))
    source, out = Path(base) / "camera", Path(base) / "out"
    source.mkdir()
    keys = chosen(Path(run), source, settle=0.2, patience=1.5)
    writer = os.fork()
    if not writer:
        fill(source, int(images), int(seed), pause=float(os.environ.get("ADSHIFT_WATCH_PAUSE", "0.5")))
        os._exit(0)
    struck, rows = [], [0]
    for i in range(int(kills)):
        # every other one at any moment of its start, the others soon after a part
        when = (lambda: time.sleep(rng.uniform(0.0, 2.0))) if i % 2 else lambda: _soon_after_a_part(out, rng)
        struck.append(_ended(lambda: job.watched({**keys, "once": False}, out), when))
        rows.append(_rows(out))
    os.waitpid(writer, 0)
    status = _ended(lambda: job.watched(keys, out), None)
    at_work = sum(b > a for a, b in itertools.pairwise(rows))
    print(json.dumps({"status": status, "killed": struck.count(signal.SIGKILL), "at_work": at_work}))


def _rows(out: Path) -> int:
    from adshift.watch.book import Book
    from adshift.watch.database import NAME

    if not (out / NAME).is_file():
        return 0
    book = Book(out / NAME)
    found = book.last_number()
    book.close()
    return found


def _soon_after_a_part(out: Path, rng: random.Random) -> None:
    """Wait until another part is judged, where one comes, and a little longer."""
    before, until = _rows(out), time.monotonic() + 10.0
    while _rows(out) == before and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(rng.uniform(0.0, 0.3))


def _ended(work: Any, when: Any) -> int:
    """Work in a process of its own, killed when ``when`` returns; returns the signal that ended it, or its status."""
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    if when is not None:
        when()
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
