"""Masks that no image has, and defective images that no mask has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adshift.data.check.problem import Problem, warning
from adshift.data.layouts.layout import MVTEC, Layout, Leaf
from adshift.data.listing import image_files
from adshift.data.samples import GOOD, CategoryIndex


def of_good(base: Path, leaf: Leaf) -> bool:
    """Whether a category's folder of masks is of its good images, which need none."""
    return leaf.holds == "masks" and GOOD in leaf.path.relative_to(base).parts


def mask_problems(root: Path, index: CategoryIndex, layout: Layout = MVTEC) -> Iterator[Problem]:
    """One warning for each mask without an image and for each defective image without a mask."""
    for sample in index.test_anomalous:
        if sample.mask is None and layout.masked:
            place = "the folder of masks" if layout.name else f"ground_truth/{sample.defect}"
            yield warning(
                sample.path, "has no mask", f"put one into {place}: without it the pixel figures leave the image out"
            )
    used = {mask for sample in index.test_anomalous for mask in sample.masks}
    leaves = [(base, leaf) for base in layout.bases(root, index.category) for leaf in layout.leaves(base)]
    for base, leaf in leaves:
        told = leaf.holds != "masks" or of_good(base, leaf)  # by ``adshift.data.check.names``
        for path in () if told else image_files(leaf.path):
            file = path.relative_to(root).as_posix()
            if file not in used:
                of = "" if layout.name else f" of test/{file.split('/')[2]}"
                yield warning(file, f"belongs to no image{of}", "restore the image or remove the mask")
