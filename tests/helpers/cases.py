"""What lies in folders at a line: camera shares, what other programs leave in them, layouts that people bring."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.plates import Box, photograph, photographs

SIDE = 64
NO_PICTURE = b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(400)
"""What macOS leaves as ``._NAME`` on a drive that is not its own."""


def box(i: int) -> Box:
    """Where the i-th defective plate is scratched."""
    return 6 + 4 * i, 12 + 3 * i, 10, 6


def camera_share(folder: Path) -> Path:
    """Seven photographs in four formats, one behind a link to a folder elsewhere, and three things that are none."""
    photographs(folder, 2, 500)
    for seed, name in enumerate(("b.PNG", "c.JPG", "d.webp", "day1/000.png"), start=510):
        photograph(folder / name, seed)
    photographs(folder.with_name("elsewhere") / "day2", 1, 520)
    (folder / "day2").symlink_to(Path("..") / "elsewhere" / "day2")
    for name in (".ipynb_checkpoints", "@eaDir"):
        photographs(folder / name, 1, 500)
    (folder / "day1" / "._000.png").write_bytes(NO_PICTURE)
    return folder


def dotted(folder: Path, count: int = 8) -> Path:
    """Good photographs with what macOS and Windows leave beside them."""
    for path in sorted(photographs(folder, count).iterdir()):
        path.with_name(f"._{path.name}").write_bytes(NO_PICTURE)
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf")
    return folder


def half_read(folder: Path) -> Path:
    """A good photograph, and one whose copying was broken off."""
    whole = photographs(folder, 1, 500) / "000.png"
    (folder / "cut.png").write_bytes(whole.read_bytes()[:3000])
    return folder


def loco(root: Path, category: str = "widget", count: int = 12) -> Path:
    """A category in MVTec LOCO's layout: ``count`` good, six to calibrate, four good and four bad with two masks each."""
    base = root / category
    photographs(base / "train" / "good", count)
    photographs(base / "validation" / "good", 6, 200)
    photographs(base / "test" / "good", 4, 300)
    for i in range(4):
        photograph(base / "test" / "logical_anomalies" / f"{i:03d}.png", 700 + i, defect=box(i))
        for k, value in enumerate((251, 240)):
            mask = np.where(loco_parts(i)[k], value, 0).astype(np.uint8)
            path = base / "ground_truth" / "logical_anomalies" / f"{i:03d}" / f"{k:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(path)
    return root


def loco_parts(i: int) -> tuple[np.ndarray, np.ndarray]:
    """The two parts of the i-th ground truth, bool [64, 64]: the scratch, and a place where something is missing."""
    left, top, width, height = box(i)
    scratch, missing = np.zeros((2, SIDE, SIDE), bool)
    scratch[top : top + height, left : left + width] = True
    missing[56:60, 56:60] = True
    return scratch, missing


def layout(folder: Path, count: int = 8) -> Path:
    """A category in MVTec's layout, without a folder of categories above it."""
    photographs(folder / "train" / "good", count)
    for i in range(2):
        photograph(folder / "test" / "scratch" / f"{i:03d}.png", 700 + i, defect=box(i))
    return folder


def webp(folder: Path, count: int = 8) -> Path:
    """Good photographs as WebP."""
    for i in range(count):
        photograph(folder / f"{i:03d}.webp", i)
    return folder


def ok_nok(folder: Path, count: int = 8) -> Path:
    """Good and bad ones in two folders that no layout knows."""
    photographs(folder / "OK", count)
    for i in range(2):
        photograph(folder / "NOK" / f"{i:03d}.png", 700 + i, defect=box(i))
    return folder


def predicted_into(folder: Path, source: Path) -> None:
    """What predict.py leaves where Hydra leaves no ``.hydra``: rows, an overlay and a map."""
    for kind in ("overlays", "maps"):
        (folder / kind / "000").mkdir(parents=True)
        shutil.copy(source, folder / kind / "000" / "000000_a.png")
    (folder / "predictions.csv").write_text("path,score,threshold,decision,overlay,map,error\n")
