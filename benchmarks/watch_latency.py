"""From a file's last byte to its row: median and 99th percentile, idle and beside busy processes.

    python benchmarks/watch_latency.py RUN IMAGES                # a folder of new good images, 200 times one of them
    python benchmarks/watch_latency.py RUN IMAGES --busy 2

A watch runs in a process of its own; this one writes images at a steady pace, drawn from those given, each with other last
bytes in its file, and reads the rows. A single image gives a stream that soon alarms, and the part that an alarm comes with
waits for the alarm's account too. "Work" is the median time that the watch's own steps take for one image where nothing is
waited for: read, hash, decode, measure, score, draw, commit, in this process. The bar: 2 images of work.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from watch_job import watch

from adshift.data.listing import image_files

REPO = Path(__file__).resolve().parents[1]


def spin() -> None:
    """Keep a core busy."""
    while True:
        pass


def work(run: Path, base: Path, images: list[Path], times: int = 30) -> float:
    """Seconds that one image takes, the median."""
    source = base / "work"
    source.mkdir()
    for i in range(times):
        image = images[i % len(images)]
        (source / f"{i:05}{image.suffix}").write_bytes(image.read_bytes() + i.to_bytes(4, "big"))
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


def alarmed(out: Path) -> int:
    """How many alarms there were."""
    from adshift.watch.book import Book
    from adshift.watch.database import NAME

    book = Book(out / NAME)
    found = len(book.alarms())
    book.close()
    return found


def main() -> None:
    """One table."""
    parser = argparse.ArgumentParser(description="from a file's last byte to its row")
    parser.add_argument("run", type=Path)
    parser.add_argument("images", type=Path, help="a folder of them, or one")
    parser.add_argument("--parts", type=int, default=200)
    parser.add_argument("--pace", type=float, default=4.0, help="images of work between two files")
    parser.add_argument("--busy", type=int, default=0, help="processes that keep a core each busy")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        rng = random.Random(0)
        images = image_files(chosen.images) if chosen.images.is_dir() else [chosen.images]
        one = work(chosen.run, base, images)
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
        for i in range(chosen.parts + 5):
            image = rng.choice(images)
            (source / f"{i:05}{image.suffix}").write_bytes(image.read_bytes() + i.to_bytes(4, "big"))
            while i < 5 and not ((out / "watch.sqlite").is_file() and len(rows(out)) > i):  # until it has started
                time.sleep(0.2)
            time.sleep(max(chosen.pace * one, 0.05))
        while len(rows(out)) < chosen.parts + 5:
            time.sleep(0.2)
        program.send_signal(signal.SIGINT)
        program.wait(60)
        for other in others:
            other.terminate()
        late = np.array([judged - written / 1e9 for written, judged in rows(out)[5:]])
        alarms = alarmed(out)
    print(
        f"work {1000 * one:.0f} ms; from the last byte to the row, {chosen.busy} busy processes: median "
        f"{1000 * np.median(late):.0f} ms ({np.median(late) / one:.2f} images of work), 99 % within "
        f"{1000 * np.quantile(late, 0.99):.0f} ms ({np.quantile(late, 0.99) / one:.2f}), the latest "
        f"{1000 * late.max():.0f} ms; alarms: {alarms}"
    )


if __name__ == "__main__":
    main()
