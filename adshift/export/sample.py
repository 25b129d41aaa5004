"""What lies beside an exported file: a sample picture, its score by predict.py, and lines that check it."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

from PIL import Image

from adshift.export.checks import TOLERANCE, Run, pictures
from adshift.export.packages import IN_GRAPH

PICTURE = "sample.bmp"
"""Without compression: a few lines of C++ read it without a library."""
LINES = Path(__file__).with_name("lines")


def sample_size(image_size: int) -> tuple[int, int]:
    """Height and width of the sample: two and three times the model's side; a BMP's rows want a multiple of 4."""
    return 2 * image_size, 4 * -(-3 * image_size // 4)


def write_sample(folder: Path, kind: str, resize: str, image_size: int, model: str, native: Run) -> dict[str, Any]:
    """Write the sample and the lines.

    Args:
        folder: of the exported file.
        kind: its format.
        resize: one of ``RESIZES``.
        image_size: S.
        model: the exported file's name.
        native: what predict.py does with pictures uint8 [B, H, W, 3].

    Returns:
        the part ``sample`` of export.json: names of files, the score, and how far from it a score may be.
    """
    picture = pictures(1, *sample_size(image_size), seed=1)
    score = float(native(picture)[0][0])
    Image.fromarray(picture[0]).save(folder / PICTURE)
    tolerance = TOLERANCE * max(1.0, score)
    values = {"MODEL": model, "SCORE": repr(score), "TOLERANCE": f"{tolerance:.3g}", "SIZE": str(image_size)}
    written = {"check.py": _python(kind, resize)}
    if kind != "torch":  # no C++ of torch's reads a .pt2 that was not compiled ahead
        written["check.cpp"] = _read("check.cpp") + _read(f"main_{resize}.cpp")
    for name, text in written.items():
        (folder / name).write_text(Template(text).substitute(values), encoding="utf-8")
    return {"picture": PICTURE, "score": score, "tolerance": tolerance, "checks": list(written)}


def _python(kind: str, resize: str) -> str:
    prepared = _read("picture.py" if resize == IN_GRAPH else "square.py")
    return _read("check.py") + prepared + _read(f"run_{kind}.py") + _read("compare.py")


def _read(name: str) -> str:
    return (LINES / name).with_suffix((LINES / name).suffix + ".txt").read_text(encoding="utf-8")
