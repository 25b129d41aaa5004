"""Masks that no image has, and defective images that no mask has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adshift.data.check.problem import Problem, warning
from adshift.data.samples import CategoryIndex, image_files


def mask_problems(root: Path, index: CategoryIndex) -> Iterator[Problem]:
    """One warning for each mask without an image and for each defective image without a mask."""
    for sample in index.test_anomalous:
        if sample.mask is None:
            remedy = f"put one into ground_truth/{sample.defect}: without it the pixel figures leave the image out"
            yield warning(sample.path, "has no mask", remedy)
    used = {sample.mask for sample in index.test_anomalous}
    truth = root / index.category / "ground_truth"
    for folder in sorted(truth.iterdir()) if truth.is_dir() else ():
        for path in image_files(folder):
            file = path.relative_to(root).as_posix()
            if file not in used:
                yield warning(
                    file, f"belongs to no image of test/{folder.name}", "restore the image or remove the mask"
                )
