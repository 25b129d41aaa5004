"""AeBAD-S (Zhang et al., "Industrial Anomaly Detection with Domain Shift", Computers in Industry 151, 2023): engine blades.

Layout::

    ROOT/AeBAD_S/train/good/GROUP/*.png              all groups train
    ROOT/AeBAD_S/test/good/DOMAIN/*.png, test/DEFECT/DOMAIN/*.png
    ROOT/AeBAD_S/ground_truth/DEFECT/DOMAIN/*.png    a mask has its image's name

DOMAIN is ``same`` (as the train images are), ``background``, ``illumination`` or ``view``; which ones there are is read off
the folders.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path

from adshift.data.layouts.layout import Layout, Leaf
from adshift.data.samples import GOOD, CategoryIndex, Sample, list_samples

CATEGORY = "AeBAD_S"
SAME = "same"


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []


def find(root: Path, category: str) -> CategoryIndex:
    """List the blades of every domain; lists may be empty."""
    base = root / category

    def seen(folders: Iterable[Path], defect: str) -> Iterable[Sample]:
        for folder in folders:
            masks = None if defect == GOOD else base / "ground_truth" / defect / folder.name
            for sample in list_samples(root, category, folder, defect, masks):
                yield replace(sample, domain=folder.name)

    train = chain(*(list_samples(root, category, group) for group in _folders(base / "train" / GOOD)))
    defects = [folder for folder in _folders(base / "test") if folder.name != GOOD]
    return CategoryIndex(
        category,
        tuple(replace(sample, domain=SAME) for sample in train),
        tuple(seen(_folders(base / "test" / GOOD), GOOD)),
        tuple(chain(*(seen(_folders(defect), defect.name) for defect in defects))),
    )


def leaves(base: Path) -> list[Leaf]:
    """The groups of the train images, and each kind of the test images and of their masks in each domain."""
    found = [Leaf(group, "nominal") for group in _folders(base / "train" / GOOD)]
    for kind in _folders(base / "test"):
        found += [Leaf(folder, "nominal" if kind.name == GOOD else "defective") for folder in _folders(kind)]
    return found + [Leaf(folder, "masks") for kind in _folders(base / "ground_truth") for folder in _folders(kind)]


AEBAD = Layout(
    find,
    ("train", f"train/{GOOD}", "test", "ground_truth"),
    leaves,
    "AeBAD",
    (CATEGORY,),
    "https://github.com/zhangzilongc/MMR, which says where and under which licence",
    "CATEGORY/train/good/GROUP, test/good/DOMAIN, test/DEFECT/DOMAIN, ground_truth/DEFECT/DOMAIN",
    domains=True,
)
