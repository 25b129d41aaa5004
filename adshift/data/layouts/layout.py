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


@dataclass(frozen=True)
class Layout:
    """One way to lay images out.

    Attributes:
        find: (root, category) to the index; its lists may be empty.
        parts: the folders between ROOT/CATEGORY and the leaves, POSIX, relative to the category.
        leaves: ROOT/CATEGORY to the folders of images and masks that exist.
        name: of the data set; empty for folders of anybody's.
        categories: of the data set; empty where any folder may be one.
        obtain: where the data set is to be had, and under which licence.
        expects: its folders, as a sentence's end.
        left: folders below the category's that are meant to be read by nothing.
    """

    find: Callable[[Path, str], CategoryIndex]
    parts: tuple[str, ...]
    leaves: Callable[[Path], list[Leaf]]
    name: str = ""
    categories: tuple[str, ...] = ()
    obtain: str = ""
    expects: str = ""
    left: tuple[str, ...] = ()


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
    remedy = f"get {layout.name} ({layout.obtain}) and unpack it so that data.root holds {layout.expects}"
    if not (root / category).is_dir():
        raise AdshiftError(f"data.root={root} holds no folder {category}; {remedy}")
    index = layout.find(root, category)
    if not index.train_good:
        raise AdshiftError(f"{root / category} holds no image to train on; {remedy}")
    return index
