"""RobustAD (Pemula et al., "Robust AD: A Real World Benchmark Dataset For Robustness in Industrial Anomaly Detection", CVPR
Workshops 2025): three kinds of parts, each photographed as it was trained on and under changes of one kind each.

Layout, PART as ``metal_parts``, ``pcb``, ``piled_bags``::

    ROOT/CATEGORY/PART_data_dir_train/normal/*       its anomaly/ is left alone: nothing trains on defects
    ROOT/CATEGORY/PART_data_dir_test0/normal/*, anomaly/*, masks/*     as in train
    ROOT/CATEGORY/PART_data_dir_test1/..., test2, ...                  a change each: light, position, rotation, ...

A mask has its image's stem; PiledBags has none. The domains are ``test0``, ``test1``, ...; which ones there are is read off
the folders.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path

from adshift.data.layouts.layout import Layout, Leaf, existing
from adshift.data.samples import GOOD, CategoryIndex, Sample, list_samples

CATEGORIES = ("MetalParts", "PCB", "PiledBags")
MARK = "_data_dir_"
TRAIN = "train"
SOURCE = "test0"


def _folders(base: Path) -> dict[str, Path]:
    """The part of the data set -> its folder."""
    found = sorted(p for p in base.iterdir() if p.is_dir() and MARK in p.name) if base.is_dir() else []
    return {folder.name.rpartition(MARK)[2]: folder for folder in found}


def find(root: Path, category: str) -> CategoryIndex:
    """List a category's images in every domain; lists may be empty."""
    folders = _folders(root / category)
    train = folders.pop(TRAIN, None)

    def seen(name: str, defect: str) -> Iterable[Sample]:
        for domain, folder in folders.items():
            masks = None if defect == GOOD else folder / "masks"
            for sample in list_samples(root, category, folder / name, defect, masks):
                yield replace(sample, domain=domain, given="test")

    normal = () if train is None else list_samples(root, category, train / "normal")
    return CategoryIndex(
        category,
        tuple(replace(sample, domain=SOURCE, given="train") for sample in normal),
        tuple(seen("normal", GOOD)),
        tuple(seen("anomaly", "anomaly")),
    )


def leaves(base: Path) -> list[Leaf]:
    """The normal, anomalous and masked images of each part, without the train images' anomalies."""
    found = [Leaf(folder / "normal", "nominal") for folder in _folders(base).values()]
    tests = [folder for part, folder in _folders(base).items() if part != TRAIN]
    kinds = chain(*((Leaf(f / "anomaly", "defective"), Leaf(f / "masks", "masks")) for f in tests))
    return existing(*found, *kinds)


ROBUSTAD = Layout(
    find,
    (),
    leaves,
    "RobustAD",
    CATEGORIES,
    "https://huggingface.co/datasets/AmazonScience/RobustAD; CC BY 4.0",
    "CATEGORY/PART_data_dir_train/normal, PART_data_dir_test0/normal, anomaly, masks, PART_data_dir_test1, ...",
    domains=True,
)
