"""The sample index: what images a folder in MVTec layout holds, in an order that never changes.

Layout (Bergmann et al., "The MVTec Anomaly Detection Dataset", IJCV 2021)::

    ROOT/CATEGORY/train/good/*.png
    ROOT/CATEGORY/validation/good/*.png               normals kept apart for calibration (MVTec LOCO AD)
    ROOT/CATEGORY/test/good/*.png
    ROOT/CATEGORY/test/DEFECT/*.png
    ROOT/CATEGORY/ground_truth/DEFECT/*_mask.png
    ROOT/CATEGORY/ground_truth/DEFECT/NAME/*.png      several masks of test/DEFECT/NAME.png (MVTec LOCO AD)

A flat folder is read too: the images right in ``ROOT/CATEGORY`` are then what ``train/good`` holds else. All but the good
images may be missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adshift.data.listing import SUFFIXES, folders, image_files, visible
from adshift.data.outputs import is_written
from adshift.data.pasted import Pasted
from adshift.errors import AdshiftError

GOOD = "good"
RESERVED = ("global", "macro", "pooled")
"""What result.json calls a threshold for all categories, their mean, and all of their images."""


UNMIX = f"leave good images alone right in it, put others into test/{GOOD} or test/DEFECT, and move the rest elsewhere"


@dataclass(frozen=True, order=True)
class Sample:
    """One image: where it lies and what is known of it. Paths are POSIX, relative to the data root.

    Attributes:
        mask: the file of its ground truth, the first where there are several; None where there is none.
        mask_over: a pixel of a mask counts as defect where its value, 0 to 255, is over this.
        domain: the real domain that it was taken in (a light, a lamp, a material), where the data set tells; else empty.
        given: what a list of the data set gives it for, where its folder does not say (VisA): ``train`` or ``test``.
        at: where it lies, if not at ``path``: in a folder that was called as its category when a run was made.
        pasted: a defect that is drawn into this good image when it is read; None for an image as it lies there.
        more_masks: the files that mark further parts of the ground truth (MVTec LOCO AD).
        group: the series that it belongs to (`adshift.data.series`); empty where it is a series of its own.
    """

    path: str
    category: str
    defect: str
    mask: str | None = None
    mask_over: int = 127
    domain: str = ""
    given: str = ""
    pasted: Pasted | None = None
    more_masks: tuple[str, ...] = ()
    at: str = ""
    group: str = ""

    @property
    def masks(self) -> tuple[str, ...]:
        """All of its masks; a pixel is defective where any of them says so."""
        return () if self.mask is None else (self.mask, *self.more_masks)

    @property
    def label(self) -> int:
        """0 for a nominal image, 1 for an anomalous one."""
        return int(self.defect != GOOD)

    @property
    def unit(self) -> tuple[str, str]:
        """What it is exchangeable by: its category, and its group, or its path where it is one by itself."""
        return self.category, self.group or self.path

    @property
    def place(self) -> str:
        """Where its file lies, POSIX, relative to the data root."""
        return self.at or self.path

    @property
    def part(self) -> str:
        """What the data set gives it for: a list's word, or the folder below the category's (``train``, ``test``).

        Images right in a flat folder are there to train on.
        """
        folder, _, below = self.path.partition("/")[2].partition("/")
        return self.given or (folder if below else "train")


@dataclass(frozen=True)
class CategoryIndex:
    """All images of one category, each list sorted by defect, then file name.

    ``validation_good`` holds the normals that the data set itself keeps apart for calibration (MVTec AD 2, MVTec LOCO AD).
    ``uncertain`` holds what it calls neither good nor defective, with a word for it as the samples' ``defect`` (ELPV).
    """

    category: str
    train_good: tuple[Sample, ...]
    test_good: tuple[Sample, ...]
    test_anomalous: tuple[Sample, ...]
    validation_good: tuple[Sample, ...] = ()
    uncertain: tuple[Sample, ...] = ()

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Every image."""
        return (*self.train_good, *self.validation_good, *self.test_good, *self.test_anomalous, *self.uncertain)


def by_unit(samples: Iterable[Sample]) -> dict[tuple[str, str], list[Sample]]:
    """Images by their unit, units in the order that they first come."""
    found: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.unit, []).append(sample)
    return found


def unit_numbers(samples: Sequence[Sample]) -> np.ndarray:
    """The unit of each image, int64 [N]: 0 to K - 1, in the order that they first come."""
    number = {unit: i for i, unit in enumerate(by_unit(samples))}
    return np.array([number[sample.unit] for sample in samples], np.int64)


def unit_count(samples: Iterable[Sample]) -> int:
    """How many units some images are of."""
    return len({sample.unit for sample in samples})


def is_flat(base: Path) -> bool:
    """Whether a category's good images lie right in its folder."""
    return bool(image_files(base))


def good_folder(base: Path) -> Path:
    """Where a category's good images lie: its folder itself if it holds images, else ``train/good``."""
    return base if is_flat(base) else base / "train" / GOOD


def _masks_by_stem(folder: Path) -> dict[str, list[Path]]:
    """An image's stem to its masks: a file of that name, with or without ``_mask``, or all files of a folder of it."""
    several = {path.name: image_files(path) for path in folders(folder)}
    return several | {path.stem.removesuffix("_mask"): [path] for path in image_files(folder)}


def check_category_name(category: str) -> None:
    """Raise AdshiftError for a category that cannot be a folder's name below the data root, or that results use.

    The name becomes part of the paths that are read and written, so it must not lead elsewhere.
    """
    if category in RESERVED:
        raise AdshiftError(f"category={category} is a name that results use ({', '.join(RESERVED)}); rename the folder")
    if category in ("", ".", "..") or not category.isprintable() or set(category) & set("/\\"):
        raise AdshiftError(f"category={category!r} must be the name of one folder, without a path; rename the folder")


def list_samples(
    root: Path, category: str, folder: Path, defect: str = GOOD, masks: Path | None = None, mask_over: int = 127
) -> tuple[Sample, ...]:
    """The images of one folder as samples, sorted by name.

    Each is paired with the image in ``masks`` that has its stem, with or without ``_mask``, or with the images of the
    folder that has it: of those whatever is not 0 counts as defect, as MVTec LOCO AD numbers its kinds. Without one its
    ``mask`` is None.
    """
    by_stem = _masks_by_stem(masks) if masks else {}

    def sample(path: Path) -> Sample:
        own = by_stem.get(path.stem, [])
        over = 0 if any(mask.parent != masks for mask in own) else mask_over
        names = [mask.relative_to(root).as_posix() for mask in own]
        first = names[0] if names else None
        return Sample(path.relative_to(root).as_posix(), category, defect, first, over, more_masks=tuple(names[1:]))

    return tuple(sample(path) for path in image_files(folder))


def find_category(root: Path, category: str) -> CategoryIndex:
    """List the images of ROOT/CATEGORY; lists may be empty.

    The masks of ``test/DEFECT`` lie in ``ground_truth/DEFECT``.
    """
    return find_below(root, category, root / category)


def find_below(root: Path, category: str, base: Path) -> CategoryIndex:
    """``find_category`` for a category whose folder is ``base``, anywhere below the root."""
    test = base / "test"
    defects = [p.name for p in folders(test) if p.name != GOOD]
    return CategoryIndex(
        category,
        list_samples(root, category, good_folder(base)),
        list_samples(root, category, test / GOOD),
        tuple(s for d in defects for s in list_samples(root, category, test / d, d, base / "ground_truth" / d)),
        list_samples(root, category, base / "validation" / GOOD),
    )


def index_category(root: Path, category: str) -> CategoryIndex:
    """``find_category`` for a category that must be there.

    Raises:
        AdshiftError: the category's name is none, its folder or its good images are missing, or it holds images in places
            that cannot be told apart.
    """
    check_category_name(category)
    base = root / category
    if not base.is_dir():
        found = [p.name for p in folders(root)]
        has = f"it holds {', '.join(found)}" if found else "it holds no folders"
        raise AdshiftError(
            f"category={category} is not in data.root={root} ({has}); name one of those, or point data.root at the "
            "folder that holds the category folders"
        )
    index = find_category(root, category)
    if not index.train_good:
        raise AdshiftError(
            f"category={category} has no image in {base / 'train' / GOOD}{instead(base)}; put the defect-free images "
            f"there or right in {base} ({SUFFIXES})"
        )
    mixed = mixture(base) if is_flat(base) else ""
    if mixed:
        raise AdshiftError(f"{base} {mixed}; {UNMIX}")
    return index


def _folders_of_images(base: Path) -> list[str]:
    """The folders in ``base`` that hold images."""
    return [path.name for path in folders(base) if image_files(path)]


def instead(base: Path, key: str = "data.root") -> str:
    """What a folder without good images holds in their place, in brackets; empty where nothing tells. ``key`` names it."""
    if is_written(base):
        return " (what lies there was written by a program of adshift)"
    names = _folders_of_images(base)
    if names:
        return f" (it holds the folders {', '.join(names)}: point {key} at one of good images alone)"
    others = sorted({p.suffix.lower() for p in visible(base) if p.is_file() and p.suffix})
    return f" (it holds files ending in {', '.join(others)})" if others else ""


def mixture(base: Path) -> str:
    """Why a flat folder's good images cannot be told, as the rest of a sentence; empty where they can.

    Images right in a folder are the good ones; beside them only ``test`` and ``ground_truth`` are read.
    """
    nested = [f"train/{GOOD}"] if image_files(base / "train" / GOOD) else []
    others = [*nested, *_folders_of_images(base)]
    return f"holds images itself and in {', '.join(others)}, so that the good ones cannot be told" if others else ""


def index(
    root: Path, categories: Sequence[str], one: Callable[[Path, str], CategoryIndex] = index_category
) -> list[CategoryIndex]:
    """Index several categories, in the order given; ``one`` reads a category of another layout.

    Raises:
        AdshiftError: no category is named, one is named twice, or one is missing.
    """
    if not categories:
        raise AdshiftError("data.categories=[] names no category; name at least one: data.categories=[carpet]")
    if len(set(categories)) < len(categories):
        raise AdshiftError(f"data.categories={list(categories)} names a category twice; name each once")
    return [one(root, category) for category in categories]


def digest(samples: Iterable[Sample]) -> str:
    """SHA-256 over the sorted sample paths, one a line: equal for equal sample lists, whatever their order."""
    lines = sorted(sample.path for sample in samples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
