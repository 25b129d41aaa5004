"""MPDD (Jezek et al., "Deep learning-based defect detection of metal parts", ICUMT 2021): six parts in MVTec's layout."""

from __future__ import annotations

from adshift.data.layouts.layout import MVTEC, Layout, mvtec_leaves
from adshift.data.samples import find_category

CATEGORIES = ("bracket_black", "bracket_brown", "bracket_white", "connector", "metal_plate", "tubes")

MPDD = Layout(
    find_category,
    MVTEC.parts,
    mvtec_leaves,
    "MPDD",
    CATEGORIES,
    "https://github.com/stepanje/MPDD; CC BY-NC-SA 4.0",
    "CATEGORY/train/good, test/good, test/DEFECT, ground_truth/DEFECT",
)
