"""Peak memory of predict.py over many images against few: ``python benchmarks/predict_memory.py [COUNT]``.

Procedural JPEGs (20 files under many names), image_size=64, ResNet-18 with random weights, a small bank. Prints the peak
resident set over 200 and over COUNT (20,000) images, and their ratio; the bound is 1.2. Set OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

REPO = Path(__file__).resolve().parents[1]
FEW, MANY, FILES = 200, 20_000, 20


def draw(path: Path, seed: int, size: int = 96) -> None:
    """A noisy ramp; every other one with a bright square."""
    generator = np.random.default_rng(seed)
    pixels = np.linspace(60, 160, size)[None, :, None] + generator.normal(0, 4, (size, size, 3))
    if seed % 2:
        pixels[20:40, 20:40] = 250
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)


def run(script: str, *overrides: str) -> None:
    """One of the project's programs, in a process of its own."""
    subprocess.run(
        [sys.executable, script, *overrides], cwd=REPO, check=True, env={**os.environ, "PYTHONPATH": str(REPO)}
    )


def main() -> None:
    """Fit a small run, then predict twice."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        for i in range(FILES):
            draw(here / "root" / "part" / "train" / "good" / f"{i:02}.png", 1000 + 2 * i)
            draw(here / "root" / "part" / "test" / ("dent" if i % 2 else "good") / f"{i:02}.png", i)
            draw(here / "files" / f"{i:02}.jpg", i)
        run(
            "train.py", "data=folder", f"data.root={here / 'root'}", "data.category=part", "backbone=resnet18",
            "backbone.weights=random", "image_size=64", "split=standard", "threshold=sigma", "metrics.bootstrap=0",
            "metrics.latency=false", f"store.root={here / 'store'}", f"hydra.run.dir={here / 'run'}",
        )  # fmt: skip
        peaks = {}
        for count in (FEW, many):
            source, out = here / f"in{count}", here / f"out{count}"
            source.mkdir()
            for i in range(count):
                os.link(here / "files" / f"{i % FILES:02}.jpg", source / f"{i:06}.jpg")
            run("predict.py", f"run={here / 'run'}", f"source={source}", f"hydra.run.dir={out}")
            told = json.loads((out / "summary.json").read_text())
            assert told["images"] == count
            peaks[count] = told["memory"]["peak_rss_mb"]
            print(f"{count} images: {told['seconds']:.1f} s, {told['pictures']} pictures, peak {peaks[count]:.1f} MB")
        print(f"ratio {peaks[many] / peaks[FEW]:.4f} (bound 1.2)")


if __name__ == "__main__":
    main()
