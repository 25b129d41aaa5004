"""Peak memory of a watch over 1,000 parts and over many: ``python benchmarks/watch_memory.py RUN IMAGE [PARTS ...]``.

Each number of parts in a process of its own, which finds that many copies of the image in a folder, judges them one by one
and ends (once=true, no pictures). Prints the peak of the resident set, seconds, and the ratio to the first; the bar is 1.1.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from watch_job import watch

REPO = Path(__file__).resolve().parents[1]


def judge_copies(run: Path, image: Path, parts: int) -> None:
    """Judge so many copies; prints the peak in MB and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "camera"
        source.mkdir()
        (source / f"first{image.suffix}").write_bytes(image.read_bytes())
        os.utime(source / f"first{image.suffix}", (1e9, 1e9))
        for i in range(1, parts):
            os.link(source / f"first{image.suffix}", source / f"{i:06}{image.suffix}")
        begun = time.perf_counter()
        watch(run, source, Path(folder) / "out", pictures="none")
        seconds = time.perf_counter() - begun
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f} {seconds:.0f}")


def main() -> None:
    """One line a number of parts."""
    parser = argparse.ArgumentParser(description="peak memory of a watch")
    parser.add_argument("run", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("parts", type=int, nargs="*", default=[1000, 50_000])
    parser.add_argument("--here", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.here:
        judge_copies(chosen.run, chosen.image, chosen.here)
        return
    first = 0.0
    for parts in chosen.parts:
        words = [sys.executable, __file__, str(chosen.run), str(chosen.image), "--here", str(parts)]
        done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(REPO)})
        told = next((line.split() for line in done.stdout.splitlines() if line.startswith("peak ")), None)
        if told is None:
            sys.exit(done.stderr)
        peak, seconds = float(told[1]), float(told[2])
        first = first or peak
        print(f"{parts} parts: {peak:.0f} MB, {peak / first:.3f} of the first; {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
