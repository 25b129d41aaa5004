"""The images of a finished run where they lie now: its folders may have moved, and a category's may have another name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from adshift.data.layouts.by_name import layout_of, located
from adshift.data.layouts.layout import Layout
from adshift.data.samples import UNMIX, CategoryIndex, Sample, check_category_name, is_flat, mixture
from adshift.errors import AdshiftError

FOLDER = "folder"
"""Key of a ``data`` node: what the folder of its one category is called now; absent where it is called as the category."""
MADE = ("mvtec", "synthetic")
"""Sources that are downloaded or drawn where they are not there."""


def placed(data: Mapping[str, Any], data_root: str | None, run: Path, key: str = "data_root=") -> dict[str, Any]:
    """A finished run's ``data`` node, with its images where they lie now.

    Args:
        data: as the run had it.
        data_root: the folder that holds the category folders now; or, of one category in a layout of anybody's, that
            category's own folder, whatever its name. None: where the run had them.
        run: its folder, for the message.
        key: by which ``data_root`` is given, for the message.

    Raises:
        AdshiftError: the images are not there.
    """
    categories, root = list(data["categories"]), Path(str(data["root"] if data_root is None else data_root))
    for name in categories:
        check_category_name(str(name))
    layout, there = layout_of(data["source"]), located(data["source"], str(root))
    missing = [name for name in categories if not layout.holds(there, str(data.get(FOLDER) or name))]
    if data_root is None and (not missing or data["source"] in MADE):
        return dict(data)
    if data_root is None:
        raise AdshiftError(
            f"run={run}: its images are no longer in {root}, which has no folder {missing[0]}; say where they lie now: "
            f"{key}FOLDER"
        )
    moved = {name: value for name, value in data.items() if name != FOLDER} | {"root": data_root}
    if all(layout.holds(there, name) for name in categories):
        return moved
    own = not layout.name and len(categories) == 1
    base = root.resolve() if root.name in ("", "..") else root
    if own and base.is_dir() and layout.find(base.parent, base.name).train_good:
        return moved | {"root": str(base.parent), FOLDER: base.name}
    if data["source"] in MADE:
        return moved
    what = "is no folder" if not base.is_dir() else f"has no folder {missing[0] if missing else categories[0]}"
    or_itself = ", and no good image itself" if own and base.is_dir() else ""
    whose = ", ".join(map(str, categories))
    raise AdshiftError(f"{key}{data_root} {what}{or_itself}; give the folder that holds the images of {whose} now")


def index_moved(layout: Layout, root: Path, folder: str, category: str) -> CategoryIndex:
    """The images of ROOT/FOLDER under the paths that they had in ROOT/CATEGORY, by which a run knows them.

    Raises:
        AdshiftError: the folder's name is none, it holds no good image, or its good images cannot be told.
    """
    base = root / folder
    if Path(folder).name != folder or folder in ("", ".", ".."):
        raise AdshiftError(f"data.folder={folder} must be the name of one folder, without a path")
    found = layout.find(root, folder)
    if not found.train_good:
        raise AdshiftError(f"{base} holds no good image; give the folder that holds the images of {category} now")
    mixed = mixture(base) if is_flat(base) else ""
    if mixed:
        raise AdshiftError(f"{base} {mixed}; {UNMIX}")

    def known(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        return tuple(
            replace(s, path=category + s.path.removeprefix(folder), category=category, at=s.path) for s in samples
        )

    return CategoryIndex(
        category,
        known(found.train_good),
        known(found.test_good),
        known(found.test_anomalous),
        known(found.validation_good),
    )
