"""BTAD (Mishra et al., "VT-ADL", ISIE 2021): MVTec's folders under other names, images as BMP and PNG.

Layout::

    ROOT/CATEGORY/train/ok/*
    ROOT/CATEGORY/test/ok/*, test/ko/*
    ROOT/CATEGORY/ground_truth/ko/*     a mask has its image's stem and may have another suffix
"""

from __future__ import annotations

from pathlib import Path

from adshift.data.layouts.layout import Layout, Leaf, existing
from adshift.data.samples import CategoryIndex, list_samples

CATEGORIES = ("01", "02", "03")


def find(root: Path, category: str) -> CategoryIndex:
    """List the images of a product; lists may be empty."""
    base = root / category
    return CategoryIndex(
        category,
        list_samples(root, category, base / "train" / "ok"),
        list_samples(root, category, base / "test" / "ok"),
        list_samples(root, category, base / "test" / "ko", "ko", base / "ground_truth" / "ko"),
    )


def leaves(base: Path) -> list[Leaf]:
    """``ok``, ``ko`` and the masks."""
    return existing(
        Leaf(base / "train" / "ok", "nominal"),
        Leaf(base / "test" / "ok", "nominal"),
        Leaf(base / "test" / "ko", "defective"),
        Leaf(base / "ground_truth" / "ko", "masks"),
    )


BTAD = Layout(
    find,
    ("train", "test", "ground_truth"),
    leaves,
    "BTAD",
    CATEGORIES,
    "https://avires.dimi.uniud.it/papers/btad/btad.zip, whose folder is BTech_Dataset_transformed; CC BY-NC-SA 4.0",
    "CATEGORY/train/ok, test/ok, test/ko, ground_truth/ko",
)
