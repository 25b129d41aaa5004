"""Anybody's photographs of the same parts under several lamps: a folder for each lamp, in it a folder for each category.

Layout::

    ROOT/LAMP/CATEGORY/train/good/*.png      or good images right in ROOT/LAMP/CATEGORY
    ROOT/LAMP/CATEGORY/test/good/*.png, test/DEFECT/*.png
    ROOT/LAMP/CATEGORY/ground_truth/DEFECT/*_mask.png

The lamps are the domains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from adshift.data.layouts.layout import MVTEC, Layout
from adshift.data.samples import CategoryIndex, Sample, find_below


def bases(root: Path, category: str) -> list[Path]:
    """The category's folder under each lamp that has one."""
    lamps = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")) if root.is_dir() else []
    return [lamp / category for lamp in lamps if (lamp / category).is_dir()]


def find(root: Path, category: str) -> CategoryIndex:
    """List a category's images under every lamp; lists may be empty."""
    found = [(base.parent.name, find_below(root, category, base)) for base in bases(root, category)]

    def lit(part: Callable[[CategoryIndex], tuple[Sample, ...]], given: str) -> tuple[Sample, ...]:
        return tuple(replace(s, domain=lamp, given=given) for lamp, index in found for s in part(index))

    return CategoryIndex(
        category,
        lit(lambda index: index.train_good, "train"),
        lit(lambda index: index.test_good, "test"),
        lit(lambda index: index.test_anomalous, "test"),
    )


LAMPS = Layout(
    find,
    MVTEC.parts,
    MVTEC.leaves,
    "a folder of lamps",
    expects="LAMP/CATEGORY/train/good, test/good, test/DEFECT, ground_truth/DEFECT for each lamp",
    bases=bases,
    domains=True,
)
