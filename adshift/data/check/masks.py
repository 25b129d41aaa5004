"""Masks that no image has, and defective images that no mask has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adshift.data.check.problem import Problem, warning
from adshift.data.layouts.layout import MVTEC, Layout
from adshift.data.listing import image_files
from adshift.data.samples import CategoryIndex


def mask_problems(root: Path, index: CategoryIndex, layout: Layout = MVTEC) -> Iterator[Problem]:
    """One warning for each mask without an image and for each defective image without a mask."""
    for sample in index.test_anomalous:
        if sample.mask is None and layout.masked:
            place = "the folder of masks" if layout.name else f"ground_truth/{sample.defect}"
            yield warning(
                sample.path, "has no mask", f"put one into {place}: without it the pixel figures leave the image out"
            )
    used = {mask for sample in index.test_anomalous for mask in sample.masks}
    for leaf in (leaf for base in layout.bases(root, index.category) for leaf in layout.leaves(base)):
        for path in image_files(leaf.path) if leaf.holds == "masks" else ():
            file = path.relative_to(root).as_posix()
            if file not in used:
                of = "" if layout.name else f" of test/{file.split('/')[2]}"
                yield warning(file, f"belongs to no image{of}", "restore the image or remove the mask")
