"""Names and links: what a listing of the folders tells, before any file is opened."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from adshift.data.check.masks import of_good
from adshift.data.check.problem import Problem, error, warning
from adshift.data.layouts.layout import MVTEC, Layout, Leaf
from adshift.data.listing import (
    SUFFIXES,
    UNREAD_SUFFIXES,
    folders,
    has_suffix,
    holds_images,
    image_files,
    visible,
)
from adshift.data.samples import GOOD, is_flat

NOT_TEXT = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, surrogates (bytes that are no UTF-8), line and paragraph separators."""


def name_problems(root: Path, category: str, layout: Layout = MVTEC) -> list[Problem]:
    """Links that lead out or nowhere, names that are no text or differ by case only, and images that share a mask."""
    return [problem for base in layout.bases(root, category) for problem in _names_below(root, base, layout)]


def _names_below(root: Path, base: Path, layout: Layout) -> list[Problem]:
    inside = (root.resolve(), base.resolve())
    found = list(_folder_link(root, base))
    leaves = layout.leaves(base)
    for folder in dict.fromkeys((base, *(base / part for part in layout.parts), *(leaf.path for leaf in leaves))):
        entries = visible(folder)
        found += _case_twins(root, entries)
        for entry in entries:
            found += _text(root, entry)
            if folder != base or entry.name in layout.parts or any(leaf.path == base for leaf in leaves):
                found += _link(root, entry, inside)
    for leaf in leaves:
        found += _shared_stems(root, leaf)
    return found


def _at(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _folder_link(root: Path, folder: Path) -> Iterator[Problem]:
    if folder.is_symlink() and not folder.resolve().is_relative_to(root.resolve()):
        what = "is a link to a folder outside the data root"
        yield warning(_at(root, folder), what, "nothing, if you made it; else copy it in")


def _link(root: Path, entry: Path, inside: tuple[Path, ...]) -> Iterator[Problem]:
    """An image may be a link inside the root or inside the category's real folder, never one that leaves both.

    A folder may be a link to anywhere, which is told.
    """
    named_image = has_suffix(entry.name)
    if entry.is_symlink() and (named_image or not entry.is_file()):
        try:
            target = entry.resolve(strict=True)
        except (OSError, RuntimeError):
            yield error(_at(root, entry), "is a link that leads nowhere", "restore its target or remove it")
            return
        if target.is_dir() and not named_image:
            yield from _folder_link(root, entry)
        elif not any(target.is_relative_to(folder) for folder in inside):
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
    for entry in visible(leaf.path):
        if not has_suffix(entry.name) or leaf.holds == "nominal":
            continue
        stem = entry.stem.removesuffix("_mask") if is_truth else entry.stem
        if stem in by_stem:
            what = "is a second mask of" if is_truth else "shares its mask with"
            yield error(_at(root, entry), f"{what} {by_stem[stem].name}", "keep one, or rename it")
        by_stem.setdefault(stem, entry)


def layout_problems(root: Path, category: str, layout: Layout = MVTEC) -> list[Problem]:
    """Folders that are misnamed, and pictures and folders of pictures that nothing reads."""
    return [problem for base in layout.bases(root, category) for problem in _folders_below(root, base, layout)]


def _folders_below(root: Path, base: Path, layout: Layout) -> list[Problem]:
    found = [] if layout.name else _misnamed(root, base)
    leaves = layout.leaves(base)
    above = [base / part for part in layout.parts]
    read = [leaf.path for leaf in leaves]
    for folder in dict.fromkeys((*above, *read)):
        found += _unread_files(root, folder, folder in above)
    for leaf in leaves:
        if of_good(base, leaf) and image_files(leaf.path):
            what = "holds masks of images that count as good, and nothing reads them"
            remedy = (
                "remove them, or put the image that has a defect into test/DEFECT and its mask into ground_truth/DEFECT"
            )
            found.append(warning(_at(root, leaf.path), what, remedy))
    told = {problem.file for problem in found}
    between = {folder for leaf in read for folder in leaf.parents if folder.is_relative_to(base)}
    known = {*above, *read, *between, *(base / part for part in layout.left)}
    for folder in dict.fromkeys((base, *above, *read)):
        for below in folders(folder):
            if below not in known and _at(root, below) not in told and not _mixed(base, below):
                found += _unread_folder(root, below, layout)
    return found


def _misnamed(root: Path, base: Path) -> list[Problem]:
    """Folders of MVTec's layout that were meant and are called otherwise; a data set's own names need no such help."""
    found = []
    for entry in folders(base):
        if entry.name.lower() in MVTEC.parts and entry.name not in MVTEC.parts:
            found.append(error(_at(root, entry), "is not read", f"rename it to {entry.name.lower()}"))
    for entry in folders(base / "test"):
        if entry.name.lower() == GOOD and entry.name != GOOD:
            found.append(error(_at(root, entry), "is taken for a kind of defect", f"rename it to {GOOD}"))
    for part, use in (("train", "training"), ("validation", "calibration")):
        for entry in folders(base / part):
            if entry.name != GOOD:
                found.append(warning(_at(root, entry), "is not read", f"{use} reads {part}/{GOOD} alone"))
    return found


def _mixed(base: Path, folder: Path) -> bool:
    """Whether a folder beside flat images is what ``adshift.data.samples.mixture`` tells of already."""
    return folder.parent == base and is_flat(base) and bool(image_files(folder))


def _unread_files(root: Path, folder: Path, above: bool) -> Iterator[Problem]:
    """Pictures right in ``folder`` that are passed over; ``above``: it holds folders of images, and no image itself."""
    files = [p.name for p in visible(folder) if not p.is_dir()]
    unread = [name for name in files if has_suffix(name, UNREAD_SUFFIXES) or (above and has_suffix(name))]
    if unread:
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        remedy = "move them into a folder of images" if above else f"convert them to {SUFFIXES}"
        yield warning(_at(root, folder), f"holds {unread[0]}{more}, which nothing reads", remedy)


def _unread_folder(root: Path, folder: Path, layout: Layout) -> Iterator[Problem]:
    if holds_images(folder):
        expects = layout.expects or "train/good, validation/good, test/good, test/DEFECT and ground_truth/DEFECT"
        yield warning(
            _at(root, folder), "holds images that nothing reads", f"move them to where they are read ({expects})"
        )
