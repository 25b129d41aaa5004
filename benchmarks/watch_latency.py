"""From a file's last byte to its row: median and 99th percentile, idle and beside busy processes.

    python benchmarks/watch_latency.py RUN IMAGE                 # an image of the run's kind, written 200 times
    python benchmarks/watch_latency.py RUN IMAGE --busy 2

A watch runs in a process of its own; this one writes the image at a steady pace, each copy with another last byte in its
file, and reads the rows. "Work" is the median time that the watch's own steps take for one image where nothing waits: read,
hash, decode, measure, score, draw, commit, in this process. The bar: 2 images of work.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from watch_job import watch

REPO = Path(__file__).resolve().parents[1]


def spin() -> None:
    """Keep a core busy."""
    while True:
        pass


def work(run: Path, base: Path, image: Path, times: int = 30) -> float:
    """Seconds that one image takes, the median."""
    source = base / "work"
    source.mkdir()
    for i in range(times):
        (source / f"{i:05}{image.suffix}").write_bytes(image.read_bytes())
    watch(run, source, base / "work_out", settle=0.01, patience=0.01)
    judged = [at for _, at in rows(base / "work_out")]
    return float(np.median(np.diff(judged)[5:]))


def rows(out: Path) -> list[tuple[int, float]]:
    """When each file was last written, nanoseconds, and when its row was there, seconds."""
    from adshift.watch.book import Book
    from adshift.watch.database import NAME

    book = Book(out / NAME)
    found = [(part.modified_ns, part.judged) for part in book.parts()]
    book.close()
    return found


def main() -> None:
    """One table."""
    parser = argparse.ArgumentParser(description="from a file's last byte to its row")
    parser.add_argument("run", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--pace", type=float, default=4.0, help="images of work between two files")
    parser.add_argument("--busy", type=int, default=0, help="processes that keep a core each busy")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        one = work(chosen.run, base, chosen.image)
        source, out = base / "camera", base / "out"
        source.mkdir()
        others = [multiprocessing.Process(target=spin, daemon=True) for _ in range(chosen.busy)]
        for other in others:
            other.start()
        words = [f"run={chosen.run.resolve()}", f"source={source}", f"hydra.run.dir={out}"]
        program = subprocess.Popen(
            [sys.executable, "-m", "adshift.watch", *words], cwd=REPO, env={**os.environ, "PYTHONPATH": str(REPO)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        held = chosen.image.read_bytes()
        for i in range(chosen.images + 5):
            (source / f"{i:05}{chosen.image.suffix}").write_bytes(held + i.to_bytes(4, "big"))
            while i < 5 and not ((out / "watch.sqlite").is_file() and len(rows(out)) > i):  # until it has started
                time.sleep(0.2)
            time.sleep(max(chosen.pace * one, 0.05))
        while len(rows(out)) < chosen.images + 5:
            time.sleep(0.2)
        program.send_signal(signal.SIGINT)
        program.wait(60)
        for other in others:
            other.terminate()
        late = np.array([judged - written / 1e9 for written, judged in rows(out)[5:]])
    print(
        f"work {1000 * one:.0f} ms; from the last byte to the row, {chosen.busy} busy processes: median "
        f"{1000 * np.median(late):.0f} ms ({np.median(late) / one:.2f} images of work), 99 % within "
        f"{1000 * np.quantile(late, 0.99):.0f} ms ({np.quantile(late, 0.99) / one:.2f})"
    )


if __name__ == "__main__":
    main()
