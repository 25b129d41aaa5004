"""Names and links: what a listing of the folders tells, before any file is opened."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from adshift.data.check.problem import Problem, error, warning
from adshift.data.layouts.layout import MVTEC, Layout, Leaf
from adshift.data.samples import GOOD, IMAGE_SUFFIXES, is_flat

NOT_TEXT = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, surrogates (bytes that are no UTF-8), line and paragraph separators."""
UNREAD_SUFFIXES = frozenset(
    {".webp", ".gif", ".jp2", ".jfif", ".heic", ".avif", ".npy", ".raw", ".ppm", ".pgm", ".tga", ".exr", ".dcm"}
)
"""Suffixes of pictures that the index passes over."""


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def name_problems(root: Path, category: str, layout: Layout = MVTEC) -> list[Problem]:
    """Links that lead out or nowhere, names that are no text or differ by case only, and images that share a mask."""
    return [problem for base in layout.bases(root, category) for problem in _names_below(root, base, layout)]


def _names_below(root: Path, base: Path, layout: Layout) -> list[Problem]:
    inside = (root.resolve(), base.resolve())
    found = list(_category_link(root, base))
    leaves = layout.leaves(base)
    for folder in dict.fromkeys((base, *(base / part for part in layout.parts), *(leaf.path for leaf in leaves))):
        entries = _entries(folder)
        found += _case_twins(root, entries)
        for entry in entries:
            found += _text(root, entry)
            if folder != base or entry.name in layout.parts or (layout is MVTEC and is_flat(base)):
                found += _link(root, entry, inside)
    for leaf in leaves:
        found += _shared_stems(root, leaf)
    return found


def _at(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _category_link(root: Path, base: Path) -> Iterator[Problem]:
    if base.is_symlink() and not base.resolve().is_relative_to(root.resolve()):
        yield warning(
            _at(root, base), "is a link to a folder outside the data root", "nothing, if you made it; else copy it in"
        )


def _link(root: Path, entry: Path, inside: tuple[Path, ...]) -> Iterator[Problem]:
    """``entry`` may be a link inside the root or inside the category's real folder, never one that leaves both."""
    named_image = entry.suffix.lower() in IMAGE_SUFFIXES
    if entry.is_symlink() and (named_image or not entry.is_file()):
        try:
            target = entry.resolve(strict=True)
        except (OSError, RuntimeError):
            yield error(_at(root, entry), "is a link that leads nowhere", "restore its target or remove it")
            return
        if not any(target.is_relative_to(folder) for folder in inside):
            yield error(_at(root, entry), "is a link that leaves the data root", "put a copy of the file in its place")
    if named_image and not entry.is_file():
        yield error(_at(root, entry), "has an image's name and is no file", "rename or remove it")


def _text(root: Path, entry: Path) -> Iterator[Problem]:
    if any(unicodedata.category(c) in NOT_TEXT for c in entry.name):
        yield error(_at(root, entry), "has a name with a control character or a byte that is no UTF-8", "rename it")


def _case_twins(root: Path, entries: list[Path]) -> Iterator[Problem]:
    """Two names that one disk holds apart and another takes for one."""
    alike = defaultdict(list)
    for entry in entries:
        alike[unicodedata.normalize("NFC", entry.name).casefold()].append(entry)
    for first, *others in alike.values():
        for other in others:
            yield error(
                _at(root, other),
                f"has the name of {first.name} but for its case",
                "rename one of them: many disks hold only one of the two",
            )


def _shared_stems(root: Path, leaf: Leaf) -> Iterator[Problem]:
    """Images or masks that a stem does not tell apart, so that a mask is paired with the wrong image."""
    is_truth = leaf.holds == "masks"
    by_stem: dict[str, Path] = {}
    for entry in _entries(leaf.path):
        if entry.suffix.lower() not in IMAGE_SUFFIXES or leaf.holds == "nominal":
            continue
        stem = entry.stem.removesuffix("_mask") if is_truth else entry.stem
        if stem in by_stem:
            what = "is a second mask of" if is_truth else "shares its mask with"
            yield error(_at(root, entry), f"{what} {by_stem[stem].name}", "keep one, or rename it")
        by_stem.setdefault(stem, entry)


def layout_problems(root: Path, category: str, layout: Layout = MVTEC) -> list[Problem]:
    """Folders that are misnamed, and pictures that lie where or are of a kind that nothing reads."""
    return [problem for base in layout.bases(root, category) for problem in _folders_below(root, base, layout)]


def _folders_below(root: Path, base: Path, layout: Layout) -> list[Problem]:
    found = [] if layout.name else _misnamed(root, base)
    leaves = [leaf.path for leaf in layout.leaves(base)]
    above = [base / part for part in layout.parts]
    for folder in (*above, *leaves):
        found += _unread(root, folder, folder in above, layout.parts if folder == base else ())
    return found


def _misnamed(root: Path, base: Path) -> list[Problem]:
    """Folders of MVTec's layout that were meant and are called otherwise; a data set's own names need no such help."""
    found = []
    for entry in _entries(base):
        if entry.is_dir() and entry.name.lower() in MVTEC.parts and entry.name not in MVTEC.parts:
            found.append(error(_at(root, entry), "is not read", f"rename it to {entry.name.lower()}"))
    for entry in _entries(base / "test"):
        if entry.is_dir() and entry.name.lower() == GOOD and entry.name != GOOD:
            found.append(error(_at(root, entry), "is taken for a kind of defect", f"rename it to {GOOD}"))
    for entry in _entries(base / "train"):
        if entry.is_dir() and entry.name != GOOD:
            found.append(warning(_at(root, entry), "is not read", f"training reads train/{GOOD} alone"))
    return found


def _unread(root: Path, folder: Path, above: bool, known: tuple[str, ...]) -> Iterator[Problem]:
    """Pictures in ``folder`` that are passed over; ``above``: it holds folders of images, and no image itself.

    Entries with a name that is ``known`` are read elsewhere.
    """
    unread = []
    for entry in _entries(folder):
        suffix = entry.suffix.lower()
        if entry.name in known:
            continue
        if suffix in UNREAD_SUFFIXES or (above and suffix in IMAGE_SUFFIXES):
            unread.append(entry.name)
        elif not above and entry.is_dir() and suffix not in IMAGE_SUFFIXES:
            unread.append(entry.name + "/")
    if unread:
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        remedy = (
            "move them into a folder of images" if above else f"convert them to {', '.join(sorted(IMAGE_SUFFIXES))}"
        )
        yield warning(_at(root, folder), f"holds {min(unread)}{more}, which nothing reads", remedy)
