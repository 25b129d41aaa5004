"""Scoring one image after the other, alone, beside two busy loops, and beside two torch programs of two threads each.

`python benchmarks/busy_scoring.py [--images 20]`. A drawn nut, ResNet-18 with random weights, 224 pixels, 5 % coreset. What
scores is a process that begins as the programs do: it finds how busy the machine is before it loads torch
(`adshift.system.spinning`). `spinning_*` are the same with torch's own settings.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
CELL = ("data=nut", "backbone=resnet18", "backbone.weights=random", "coreset_ratio=0.05", "metrics.bootstrap=0")
LOOP = "while True: pass"
TORCH = """
import torch
torch.set_num_threads(2)
x, w = torch.randn(8, 64, 56, 56), torch.randn(64, 64, 3, 3)
print("ready", flush=True)
while True: torch.conv2d(x, w, padding=1)
"""


def serve(run: Path, image: Path, images: int, spinning: bool) -> None:
    """What scores: prints the median seconds of an image."""
    if not spinning:
        from adshift.launch.sweep import STARTED
        from adshift.system.spinning import spin_little_among_others

        time.sleep(0.5)  # a program composes its configuration in the meantime
        spin_little_among_others(STARTED)
    import adshift
    from adshift.allocator import keep_freed_memory
    from adshift.data.images import read_image

    keep_freed_memory()
    detector, pixels = adshift.load(str(run)), read_image(image)
    laps = []
    for lap in range(images + 5):
        started = time.perf_counter()
        list(detector.predict([pixels]))
        laps.append((lap, time.perf_counter() - started))
    print(statistics.median(seconds for lap, seconds in laps if lap >= 5))


@contextmanager
def beside(code: str, count: int) -> Iterator[None]:
    """So many processes at work."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    busy = [
        subprocess.Popen([sys.executable, "-c", code], env=plain, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    try:
        if code is TORCH:
            for process in busy:
                assert process.stdout is not None
                process.stdout.readline()
        time.sleep(1)
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def scored(run: Path, image: Path, images: int, spinning: bool) -> float:
    """Median seconds an image, in a process of its own."""
    words = [str(run), str(image), str(images), *(["--spinning"] if spinning else [])]
    done = subprocess.run(
        [sys.executable, __file__, "--serve", *words],
        env={**os.environ, "PYTHONPATH": str(REPO)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return float(done.stdout)


def measure(images: int, repeats: int) -> dict[str, Any]:
    """Median seconds an image over the repeats; `ratio`: beside two loops over alone."""
    with tempfile.TemporaryDirectory() as folder:
        run, drawn = Path(folder, "run"), Path(folder, "images")
        words = (*CELL, f"data.root={drawn}", "metrics.latency=false", "store=off", f"hydra.run.dir={run}")
        environment = {**os.environ, "PYTHONPATH": str(REPO)}
        subprocess.run([sys.executable, "train.py", *words], cwd=REPO, env=environment, check=True, capture_output=True)
        image = sorted(drawn.rglob("test/good/*.png"))[0]
        laps: dict[str, list[float]] = {}
        for _ in range(repeats):
            for name, code, count in (("alone", LOOP, 0), ("loops", LOOP, 2), ("torch", TORCH, 2)):
                for prefix, spinning in (("", False), ("spinning_", True)):
                    with beside(code, count):
                        laps.setdefault(prefix + name, []).append(scored(run, image, images, spinning))
    seconds = {f"{name}_s": statistics.median(found) for name, found in laps.items()}
    return {
        "ours_s": seconds["loops_s"],
        "peer_s": seconds["alone_s"],
        "ratio": seconds["loops_s"] / seconds["alone_s"],
        "torch_ratio": seconds["torch_s"] / seconds["alone_s"],
        "equal": None,
        **seconds,
        "n": images,
        "repeats": repeats,
        "source": "drawn nut",
    }


def main() -> None:
    """Print one JSON record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--serve", nargs=3, metavar=("RUN", "IMAGE", "IMAGES"), help="be the process that scores")
    parser.add_argument("--spinning", action="store_true", help="with torch's own settings")
    given = parser.parse_args()
    if given.serve:
        serve(Path(given.serve[0]), Path(given.serve[1]), int(given.serve[2]), given.spinning)
    else:
        print(json.dumps(measure(given.images, given.repeats)))


if __name__ == "__main__":
    main()
