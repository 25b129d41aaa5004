"""The sample index: what images a folder in MVTec layout holds, in an order that never changes.

Layout (Bergmann et al., "The MVTec Anomaly Detection Dataset", IJCV 2021)::

    ROOT/CATEGORY/train/good/*.png
    ROOT/CATEGORY/test/good/*.png
    ROOT/CATEGORY/test/DEFECT/*.png
    ROOT/CATEGORY/ground_truth/DEFECT/*_mask.png

A flat folder is read too: the images right in ``ROOT/CATEGORY`` are then what ``train/good`` holds else. All but the good
images may be missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adshift.data.pasted import Pasted
from adshift.errors import AdshiftError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
GOOD = "good"
RESERVED = ("global", "macro", "pooled")
"""What result.json calls a threshold for all categories, their mean, and all of their images."""


UNMIX = f"leave good images alone right in it, put others into test/{GOOD} or test/DEFECT, and move the rest elsewhere"


@dataclass(frozen=True, order=True)
class Sample:
    """One image: where it lies and what is known of it. Paths are POSIX, relative to the data root.

    Attributes:
        mask_over: a pixel of the mask counts as defect where its value, 0 to 255, is over this.
        domain: the real domain that it was taken in (a light, a lamp, a material), where the data set tells; else empty.
        given: what a list of the data set gives it for, where its folder does not say (VisA): ``train`` or ``test``.
        pasted: a defect that is drawn into this good image when it is read; None for an image as it lies there.
    """

    path: str
    category: str
    defect: str
    mask: str | None = None
    mask_over: int = 127
    domain: str = ""
    given: str = ""
    pasted: Pasted | None = None

    @property
    def label(self) -> int:
        """0 for a nominal image, 1 for an anomalous one."""
        return int(self.defect != GOOD)

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

    ``validation_good`` holds the normals that the data set itself keeps apart for calibration (MVTec AD 2); else none.
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


def image_files(folder: Path) -> list[Path]:
    """The files of a folder that are images by their suffix, sorted; empty where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())


def is_flat(base: Path) -> bool:
    """Whether a category's good images lie right in its folder."""
    return bool(image_files(base))


def good_folder(base: Path) -> Path:
    """Where a category's good images lie: its folder itself if it holds images, else ``train/good``."""
    return base if is_flat(base) else base / "train" / GOOD


def _mask_by_stem(folder: Path) -> dict[str, Path]:
    return {path.stem.removesuffix("_mask"): path for path in image_files(folder)}


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

    Each is paired with the image in ``masks`` that has its stem, with or without ``_mask``; without one its ``mask`` is
    None.
    """
    by_stem = _mask_by_stem(masks) if masks else {}

    def sample(path: Path) -> Sample:
        mask = by_stem.get(path.stem)
        at = mask.relative_to(root).as_posix() if mask else None
        return Sample(path.relative_to(root).as_posix(), category, defect, at, mask_over)

    return tuple(sample(path) for path in image_files(folder))


def find_category(root: Path, category: str) -> CategoryIndex:
    """List the images of ROOT/CATEGORY; lists may be empty.

    The masks of ``test/DEFECT`` lie in ``ground_truth/DEFECT``.
    """
    return find_below(root, category, root / category)


def find_below(root: Path, category: str, base: Path) -> CategoryIndex:
    """``find_category`` for a category whose folder is ``base``, anywhere below the root."""
    test = base / "test"
    defects = sorted(p.name for p in test.iterdir() if p.is_dir() and p.name != GOOD) if test.is_dir() else []
    return CategoryIndex(
        category,
        list_samples(root, category, good_folder(base)),
        list_samples(root, category, test / GOOD),
        tuple(s for d in defects for s in list_samples(root, category, test / d, d, base / "ground_truth" / d)),
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
        found = sorted(p.name for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
        has = f"it holds {', '.join(found)}" if found else "it holds no folders"
        raise AdshiftError(
            f"category={category} is not in data.root={root} ({has}); name one of those, or point data.root at the "
            "folder that holds the category folders"
        )
    index = find_category(root, category)
    if not index.train_good:
        raise AdshiftError(
            f"category={category} has no image in {base / 'train' / GOOD}{_instead(base)}; put the defect-free images "
            f"there or right in {base} ({', '.join(sorted(IMAGE_SUFFIXES))})"
        )
    mixed = mixture(base) if is_flat(base) else ""
    if mixed:
        raise AdshiftError(f"{base} {mixed}; {UNMIX}")
    return index


def _folders_of_images(base: Path) -> list[str]:
    """The folders in ``base`` that hold images; hidden ones are passed over."""
    return sorted(p.name for p in base.iterdir() if p.is_dir() and not p.name.startswith(".") and image_files(p))


def _instead(base: Path) -> str:
    """What a folder without good images holds in their place, in brackets; empty where nothing tells."""
    folders = _folders_of_images(base)
    if folders:
        return f" (it holds the folders {', '.join(folders)}: point data.root at one of good images alone)"
    others = sorted({p.suffix.lower() for p in base.iterdir() if p.is_file() and p.suffix})
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
