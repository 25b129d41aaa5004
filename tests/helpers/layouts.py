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


def make_aebad(root: Path) -> None:
    """10 blades to train on in two groups, three of each kind to test on in each of four domains."""
    base = root / "AeBAD_S"
    for i in range(10):
        draw(base / "train" / "good" / ("background", "view")[i % 2] / f"{i:03}.png", i)
    for k, domain in enumerate(("background", "illumination", "same", "view")):
        for i in range(3):
            draw(base / "test" / "good" / domain / f"{i:03}.png", 100 + 10 * k + i)
            draw(base / "test" / "ablation" / domain / f"{i:03}.png", 200 + 10 * k + i, defect=True)
            save_mask(base / "ground_truth" / "ablation" / domain / f"{i:03}.png", 255)


def make_robustad(root: Path) -> None:
    """PCB: 10 normal ones to train on beside an anomaly that nothing reads, three of each kind in each of three domains."""
    for i in range(10):
        draw(root / "PCB" / "pcb_data_dir_train" / "normal" / f"{i:03}.png", i)
    draw(root / "PCB" / "pcb_data_dir_train" / "anomaly" / "900.png", 900, defect=True)
    for k in range(3):
        part = root / "PCB" / f"pcb_data_dir_test{k}"
        for i in range(3):
            draw(part / "normal" / f"{i:03}.png", 100 + 10 * k + i)
            draw(part / "anomaly" / f"{i + 3:03}.png", 200 + 10 * k + i, defect=True)
            save_mask(part / "masks" / f"{i + 3:03}.png", 255)
        (part / "metadata.jsonl").write_text("{}\n")


def make_lamps(root: Path) -> None:
    """A plate under two lamps: under each ten good ones to train on, three good and four defective ones to test on."""
    for k, lamp in enumerate(("lamp_a", "lamp_b")):
        draw_category(root / lamp, "plate", train=10, good=3, defective=4, seed=10 + k)


def make_elpv(root: Path) -> None:
    """Of each material 20 good cells, 4 of probability 1/3, 2 of 2/3 and 6 defective ones, in one folder with one list."""
    rows, number = [], 0
    for probability, count in (("0.0", 20), ("0.3333333333333333", 4), ("0.6666666666666666", 2), ("1.0", 6)):
        for material in ("mono", "poly"):
            for _ in range(count):
                number += 1
                name = f"images/cell{number:04}.png"
                draw(root / name, number + 500 * (material == "poly"), defect=probability[0] == "1")
                rows.append(f"{name}  {probability}  {material}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
