"""VisA (Zou et al., "SPot-the-Difference", ECCV 2022): one folder of normals, divided by a list.

Layout::

    ROOT/CATEGORY/Data/Images/Normal/*.JPG
    ROOT/CATEGORY/Data/Images/Anomaly/*.JPG
    ROOT/CATEGORY/Data/Masks/Anomaly/*.png      values other than 0 number the kinds of defect
    ROOT/split_csv/1cls.csv                     object,split,label,image,mask: the official split
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from adshift.data.layouts.layout import Layout, Leaf, existing
from adshift.data.samples import CategoryIndex, list_samples
from adshift.errors import AdshiftError

CATEGORIES = (
    "candle", "capsules", "cashew", "chewinggum", "fryum", "macaroni1", "macaroni2", "pcb1", "pcb2", "pcb3", "pcb4",
    "pipe_fryum",
)  # fmt: skip
LIST = "split_csv/1cls.csv"
REMEDY = "unpack the data set anew, with its folder split_csv"


def read_split(root: Path, category: str) -> dict[str, str]:
    """The list's rows of a category: image path to ``train`` or ``test``. Paths are keys here, and never opened.

    Raises:
        AdshiftError: the list is missing, broken, or gives an anomalous image for the fit.
    """
    found = {}
    try:
        with (root / LIST).open(newline="", encoding="utf-8-sig") as handle:
            for row in csv.DictReader(handle):
                if row["object"] != category:
                    continue
                if row["split"] not in ("train", "test") or (row["split"], row["label"]) == ("train", "anomaly"):
                    raise ValueError(f"{row['image']} is {row['label']} and given for {row['split']}")
                found[row["image"]] = row["split"]
    except FileNotFoundError as error:
        raise AdshiftError(f"{root / LIST}, VisA's official split, does not exist; {REMEDY}") from error
    except (OSError, ValueError, KeyError, csv.Error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise AdshiftError(f"{root / LIST} cannot be read as VisA's split ({reason}); {REMEDY}") from error
    return found


def find(root: Path, category: str) -> CategoryIndex:
    """List a category's images as its official one-class split gives them.

    Raises:
        AdshiftError: the list is broken, or it and the folders do not hold the same images.
    """
    base = root / category / "Data"
    split = read_split(root, category)
    normal = list_samples(root, category, base / "Images" / "Normal")
    anomalous = list_samples(
        root, category, base / "Images" / "Anomaly", "anomaly", base / "Masks" / "Anomaly", mask_over=0
    )
    there = {sample.path for sample in (*normal, *anomalous)}
    _require_none(sorted(there - set(split)), f"is in no row of {LIST}")
    _require_none(sorted(set(split) - there), f"is listed in {LIST} and not there")
    given = [replace(sample, given=split[sample.path]) for sample in normal]
    return CategoryIndex(
        category,
        tuple(sample for sample in given if sample.given == "train"),
        tuple(sample for sample in given if sample.given == "test"),
        tuple(replace(sample, given="test") for sample in anomalous),
    )


def _require_none(paths: list[str], what: str) -> None:
    if paths:
        more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
        raise AdshiftError(f"{paths[0]} {what}{more}; {REMEDY}")


def leaves(base: Path) -> list[Leaf]:
    """Normal, anomalous and masks."""
    images, masks = base / "Data" / "Images", base / "Data" / "Masks"
    return existing(
        Leaf(images / "Normal", "nominal"), Leaf(images / "Anomaly", "defective"), Leaf(masks / "Anomaly", "masks")
    )


VISA = Layout(
    find,
    ("Data", "Data/Images", "Data/Masks"),
    leaves,
    "VisA",
    CATEGORIES,
    "https://github.com/amazon-science/spot-diff, VisA_20220922.tar; its LICENSE-DATASET says what is allowed",
    "CATEGORY/Data/Images/Normal, Data/Images/Anomaly, Data/Masks/Anomaly, and split_csv/1cls.csv",
)
