"""Miniatures of public data sets in their own layouts."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.images import draw, draw_category

SIDE = 64


LIGHTS = ("overexposed", "regular", "shift_1", "underexposed")


EXACT = np.zeros((SIDE, SIDE), np.uint8)
EXACT[20:30, 20:30] = 1


EXACT[20:30, 20:30] = 1
"""Where ``draw(defect=True)`` puts its defect."""


def save_mask(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(EXACT * np.uint8(value)).save(path)


def make_visa(root: Path, categories: Sequence[str] = ("candle",)) -> None:
    """12 normals each, of which the list gives 9 for the fit, 4 anomalous; masks number the kinds of defect."""
    rows = ["object,split,label,image,mask", "cashew,train,normal,cashew/Data/Images/Normal/0000.JPG,"]
    for seed, name in enumerate(categories):
        data = root / name / "Data"
        for i in range(12):
            draw(data / "Images" / "Normal" / f"{i:04}.JPG", 100 * seed + i)
            rows.append(f"{name},{'test' if i % 4 == 1 else 'train'},normal,{name}/Data/Images/Normal/{i:04}.JPG,")
        for i in range(4):
            draw(data / "Images" / "Anomaly" / f"{i:03}.JPG", 100 * seed + 50 + i, defect=True)
            save_mask(data / "Masks" / "Anomaly" / f"{i:03}.png", i + 1)
            mask = f"{name}/Data/Masks/Anomaly/{i:03}.png"
            rows.append(f"{name},test,anomaly,{name}/Data/Images/Anomaly/{i:03}.JPG,{mask}")
    (root / "split_csv").mkdir(parents=True)
    (root / "split_csv" / "1cls.csv").write_text("\n".join(rows) + "\n")


def make_btad(root: Path) -> None:
    """01 with images as BMP and masks as PNG."""
    for i in range(10):
        draw(root / "01" / "train" / "ok" / f"{i:04}.bmp", i)
    for i in range(3):
        draw(root / "01" / "test" / "ok" / f"{i:04}.bmp", 20 + i)
        draw(root / "01" / "test" / "ko" / f"{i:04}.{'png' if i else 'bmp'}", 50 + i, defect=True)
        save_mask(root / "01" / "ground_truth" / "ko" / f"{i:04}.png", 255)


def make_mpdd(root: Path) -> None:
    draw_category(root, "tubes", train=10, good=3, defective=8)
    for part in ("test", "ground_truth"):
        shutil.rmtree(root / "tubes" / part / "dent")  # drawn like the blots


def make_mvtec_ad_2(root: Path) -> None:
    """can: regular light in train and validation, three parts of each kind in four lights in the public test set."""
    base = root / "can"
    for i in range(10):
        draw(base / "train" / "good" / f"{i:03}_regular.png", i)
    for i in range(20):
        draw(base / "validation" / "good" / f"{i:03}_regular.png", 30 + i)
    for k, light in enumerate(LIGHTS):
        for i in range(3):
            test = base / "test_public"
            draw(test / "good" / f"{i:03}_{light}.png", 100 + 10 * k + i)
            draw(test / "bad" / f"{i:03}_{light}.png", 200 + 10 * k + i, defect=True)
            save_mask(test / "ground_truth" / "bad" / f"{i:03}_{light}_mask.png", 255)
    draw(base / "test_private" / "000_regular.png", 400)
    draw(base / "test_private_mixed" / "000_mixed.png", 401)
