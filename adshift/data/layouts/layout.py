"""Where a data set keeps its images: a layout turns ROOT/CATEGORY into the same index whatever the folders are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from adshift.data.listing import folders
from adshift.data.samples import GOOD, CategoryIndex, check_category_name, find_category, good_folder, index_category
from adshift.errors import AdshiftError


class Leaf(NamedTuple):
    """A folder that images are read from."""

    path: Path
    holds: Literal["nominal", "defective", "masks"]


def of_its_name(root: Path, category: str) -> list[Path]:
    """A category's folder: that of its name right in the root."""
    return [root / category]


@dataclass(frozen=True)
class Layout:
    """One way to lay images out.

    Attributes:
        find: (root, category) to the index; its lists may be empty.
        parts: the folders between a category's folder and the leaves, POSIX, relative to the former.
        leaves: a category's folder to the folders of images and masks that exist.
        name: of the data set; empty for folders of anybody's.
        categories: of the data set; empty where any folder may be one.
        obtain: where the data set is to be had, and under which licence.
        expects: its folders, as a sentence's end.
        left: folders below the category's that are meant to be read by nothing.
        bases: (root, category) to the category's folders, which may not exist; several where each domain has one.
        domains: whether it tells real domains of its images.
        masked: whether it has masks.
        licence: printed wherever it is read; empty where whoever put it there has seen it.
    """

    find: Callable[[Path, str], CategoryIndex]
    parts: tuple[str, ...]
    leaves: Callable[[Path], list[Leaf]]
    name: str = ""
    categories: tuple[str, ...] = ()
    obtain: str = ""
    expects: str = ""
    left: tuple[str, ...] = ()
    bases: Callable[[Path, str], list[Path]] = of_its_name
    domains: bool = False
    masked: bool = True
    licence: str = ""

    def holds(self, root: Path, category: str) -> bool:
        """Whether the category has a folder."""
        return any(base.is_dir() for base in self.bases(root, category))

    @property
    def remedy(self) -> str:
        """What to do where images are missing, as a sentence's end."""
        if not self.obtain:
            return f"data.root must hold {self.expects}"
        return f"get {self.name} ({self.obtain}) and unpack it so that data.root holds {self.expects}"


def existing(*leaves: Leaf) -> list[Leaf]:
    """Those that are folders."""
    return [leaf for leaf in leaves if leaf.path.is_dir()]


def mvtec_leaves(base: Path) -> list[Leaf]:
    """``train/good`` or a flat folder itself, ``validation/good``, and every folder of ``test`` and ``ground_truth``."""
    found = [Leaf(good_folder(base), "nominal"), Leaf(base / "validation" / GOOD, "nominal")]
    found += [Leaf(path, "nominal" if path.name == GOOD else "defective") for path in folders(base / "test")]
    for masks in folders(base / "ground_truth"):
        found += [Leaf(masks, "masks"), *(Leaf(of_one_image, "masks") for of_one_image in folders(masks))]
    return existing(*found)


MVTEC = Layout(find_category, ("train", "validation", "test", "ground_truth"), mvtec_leaves)
"""``train/good``, ``validation/good``, ``test/DEFECT``, ``ground_truth/DEFECT``: see ``adshift.data.samples``."""


def index_in(layout: Layout, root: Path, category: str) -> CategoryIndex:
    """``layout.find`` for a category that must be there.

    Raises:
        AdshiftError: no such category, no such folder, or no image to train on; says where the data set is to be had.
    """
    if not layout.name:
        return index_category(root, category)
    check_category_name(category)
    if layout.categories and category not in layout.categories:
        raise AdshiftError(
            f"category={category} is not in {layout.name}; choose one of: {', '.join(layout.categories)}"
        )
    if not layout.holds(root, category):
        raise AdshiftError(f"data.root={root} holds no folder {category}; {layout.remedy}")
    index = layout.find(root, category)
    if not index.train_good:
        raise AdshiftError(f"{root / category} holds no image to train on; {layout.remedy}")
    return index
