"""One's own folder of images, as ``data=folder data.root=FOLDER`` takes it: the folder is the category."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from adshift.data.listing import folders, image_files

FOLDS = 5
"""How many folds of the good images the threshold rests on, where the folder keeps none apart for it."""
PARTS = frozenset({"train", "validation", "test", "ground_truth"})


def keeps_validation(folder: Path) -> bool:
    """Whether a folder holds good images that are kept apart for the calibration; False where it cannot be looked into."""
    try:
        return bool(image_files(folder / "validation" / "good"))
    except OSError:
        return False


def is_category(folder: Path) -> bool:
    """Whether a folder is a category itself: it is, unless only folders in it look like categories in MVTec's layout."""
    inside = folders(folder)
    return bool(image_files(folder)) or _has_parts(inside) or not any(_has_parts(folders(below)) for below in inside)


def _has_parts(inside: Sequence[Path]) -> bool:
    return any(path.name.lower() in PARTS for path in inside)


def as_category(folder: Path) -> tuple[Path, str]:
    """The data root and the category of a folder that is a category.

    >>> as_category(Path("pictures/bolts"))
    (PosixPath('pictures'), 'bolts')
    """
    whole = Path(os.path.realpath(folder)) if folder.name in ("", "..") else folder
    return whole.parent, whole.name


def check_command(source: str, root: Path, categories: Sequence[str]) -> str:
    """The doctor for what a configuration names, and for nothing else."""
    if source == "folder" and len(categories) == 1:
        return shlex.join(["python", "-m", "adshift.data.check", str(root / categories[0])])
    layout = ["--layout", source] if source != "folder" else []
    return shlex.join(["python", "-m", "adshift.data.check", str(root), "--category", *categories, *layout])
