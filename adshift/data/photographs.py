"""Photographs of the target: what a folder of them holds, whatever it is called, and what each regime takes of them.

Layouts of FOLDER (with several categories, of FOLDER/CATEGORY)::

    FOLDER/*.png                     good photographs, for calibration and fits
    FOLDER/train/good/*.png          the same
    FOLDER/test/good/*.png           good ones to test on        (or FOLDER/good where there is no FOLDER/test)
    FOLDER/test/DEFECT/*.png         defective ones to test on   (or FOLDER/DEFECT)
    FOLDER/ground_truth/DEFECT/      their masks

Without anything to test on, the good photographs that a regime does not take are tested, or all of them, out of fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adshift.data.listing import folders, image_files
from adshift.data.samples import GOOD, CategoryIndex, instead, list_samples, mixture
from adshift.errors import AdshiftError

PARTS = ("train", "test", "ground_truth")


def index_photographs(root: Path, categories: Sequence[str]) -> list[CategoryIndex]:
    """What a folder of photographs holds of each category; sample paths are relative to ``root``.

    Args:
        root: the folder; for one category its name does not matter.
        categories: those of the run; with several each has a folder of its name below ``root``.

    Raises:
        AdshiftError: there is no such folder, it holds no photograph, or images in places that cannot be told apart.
    """
    return [_of_category(root, root if len(categories) == 1 else root / name, name) for name in categories]


def _of_category(root: Path, base: Path, category: str) -> CategoryIndex:
    if not base.is_dir():
        raise AdshiftError(
            f"domain.root={root}: there is no folder {base}; give the folder of photographs, with a folder for each "
            "category in it where the run has several"
        )
    flat = bool(image_files(base))
    tests = base / "test" if (base / "test").is_dir() or flat else base
    defects = [p.name for p in folders(tests) if p.name not in (GOOD, *PARTS) and image_files(p)]
    index = CategoryIndex(
        category,
        list_samples(root, category, base if flat else base / "train" / GOOD),
        list_samples(root, category, tests / GOOD),
        tuple(s for d in defects for s in list_samples(root, category, tests / d, d, base / "ground_truth" / d)),
    )
    _require_photographs(base, index)
    problem = mixture(base) if flat else ""
    if problem:
        raise AdshiftError(
            f"domain.root={root}: {base} {problem}; leave good photographs alone right in it and put those to test on "
            f"into test/{GOOD} and test/DEFECT"
        )
    return index


def _require_photographs(base: Path, index: CategoryIndex) -> None:
    if not index.samples:
        raise AdshiftError(
            f"domain.root={base} holds no photograph{instead(base, 'domain.root')}; put good ones right in it, and what "
            f"is to be tested into test/{GOOD} and test/DEFECT"
        )
