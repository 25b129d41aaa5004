"""Whether every role of every split gets the images that its figures need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adshift.data.check.problem import Problem, error, warning
from adshift.data.own import FOLDS
from adshift.data.samples import CategoryIndex, instead
from adshift.data.splits import OfficialSplit, Splitter, StandardSplit, StudySplit

SPLITS: tuple[tuple[str, Splitter], ...] = (
    ("study", StudySplit()),
    ("standard", StandardSplit()),
    ("official", OfficialSplit()),
)


def role_problems(root: Path, index: CategoryIndex, alone: bool = False) -> list[Problem]:
    """Roles of a category that are left without the images they need.

    Args:
        root: the data root.
        index: of the category.
        alone: it is judged as the short form takes it (``adshift.data.own``), not under every split.
    """
    return [*_folders(root, index), *(_folds(index) if alone else _splits(index))]


def _folders(root: Path, index: CategoryIndex) -> Iterator[Problem]:
    at = index.category
    if not index.train_good:
        what = f"holds no image{instead(root / at)}"
        yield error(f"{at}/train/good", what, f"put the defect-free images there, or right in {at}")
    if not index.test_good and not index.test_anomalous:
        remedy = (
            "put images into test/good and test/DEFECT: without them no figure is measured, and a stress test remains"
        )
        yield warning(f"{at}/test", "holds no image", remedy)
        return
    if not index.test_good:
        remedy = "hold some defect-free images back: without them no false alarm can be counted and no AUROC taken"
        yield warning(f"{at}/test/good", "holds no image", remedy)
    if not index.test_anomalous:
        remedy = "add some to test/DEFECT: without them recall, AUROC and threshold=f1 are undefined"
        yield warning(f"{at}/test", "holds no defective image", remedy)


def _folds(index: CategoryIndex) -> Iterator[Problem]:
    images = len(index.train_good)
    if 0 < images < FOLDS and not index.validation_good:
        what = f"holds {images} good images, and the threshold takes {FOLDS} folds of them"
        yield error(index.category, what, "add images, or give train.py split=standard")


def _splits(index: CategoryIndex) -> Iterator[Problem]:
    normals, defective = len(index.train_good), len(index.test_anomalous)
    for name, splitter in SPLITS if normals else ():
        part = splitter(index)
        if not part.train:
            what = f"holds {normals} image, of which split={name} leaves 0 to train on"
            yield warning(f"{index.category}/train/good", what, "add images, or use split=official")
        elif name == "study" and defective and all(sample.label == 0 for sample in part.calibration):
            what = f"holds {defective} defective images, of which split=study leaves 0 to calibrate threshold=f1 on"
            yield warning(f"{index.category}/test", what, "add some, or use split=standard threshold=conformal")
