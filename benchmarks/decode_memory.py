"""Peak memory of decoding pictures just under the pixel limit: ``python benchmarks/decode_memory.py [FORM ...]``.

One picture of 9,459 x 9,459 in each form (drawn once), sixteen times over, eight threads, brought to 224 pixels as
predict.py does it, each form in a process of its own. Prints what the process held more than before the first picture
(the peak of its resident set), and seconds; the bound is 2 GB.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

REPO = Path(__file__).resolve().parents[1]
SIDE, PICTURES, THREADS, SIZE = 9459, 16, 8, 224
FORMS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "16-bit PNG": ("I;16", "png", {"compress_level": 1}),
    "16-bit TIFF": ("I;16", "tiff", {}),
    "RGB PNG": ("RGB", "png", {"compress_level": 1}),
    "RGBA PNG": ("RGBA", "png", {"compress_level": 1}),
    "progressive JPEG": ("RGB", "jpg", {"progressive": True, "subsampling": 0}),
    "WebP": ("RGB", "webp", {"quality": 50, "method": 0}),
}


def draw(mode: str) -> Image.Image:
    """A ramp with grain."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.uint16)
    grey = 3 * x + 2 * y + (x * y) % 97
    if mode == "I;16":
        return Image.fromarray(grey)
    return Image.fromarray((grey >> 8).astype(np.uint8)).convert(mode)


def held(name: str) -> int:
    """``VmRSS`` or ``VmHWM`` of this process, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])


def decode(path: str) -> None:
    """In a process of its own: decode, and print what it took."""
    from adshift.allocator import keep_freed_memory
    from adshift.prediction.decode import decode_all

    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(np.zeros((64, 64), np.uint8)).save(f"{folder}/warm.png")
        list(decode_all([f"{folder}/warm.png"], SIZE, 1, 1))
    before, started = held("VmRSS"), time.perf_counter()
    for found in decode_all([path] * PICTURES, SIZE, THREADS, 64):
        assert found.pixels is not None, found.error
    print(f"{(held('VmHWM') - before) / 1e9:.2f} GB beyond, {time.perf_counter() - started:.1f} s", flush=True)


def main() -> None:
    """Draw and measure each form that is named, or all."""
    with tempfile.TemporaryDirectory() as folder:
        for form in sys.argv[1:] or FORMS:
            mode, suffix, options = FORMS[form]
            path = Path(folder, f"picture.{suffix}")
            draw(mode).save(path, **options)
            print(f"{form} ({path.stat().st_size / 1e6:.0f} MB): ", end="", flush=True)
            subprocess.run([sys.executable, __file__, "--decode", str(path)], check=True, cwd=REPO)
            path.unlink()


if __name__ == "__main__":
    call: Callable[[], None] = (lambda: decode(sys.argv[2])) if sys.argv[1:2] == ["--decode"] else main
    call()
