"""All checks of a data set, cheap and thorough ones, as one list."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from adshift.data.check.masks import mask_problems
from adshift.data.check.names import layout_problems, name_problems
from adshift.data.check.pixels import pixel_problems
from adshift.data.check.problem import Problem, error
from adshift.data.check.quick import header_problems, mixture_problems, squash_problems
from adshift.data.check.roles import role_problems
from adshift.data.layouts.layout import MVTEC, Layout, of_its_name
from adshift.data.listing import folders
from adshift.data.own import as_category, is_category
from adshift.data.samples import UNMIX, check_category_name, is_flat, mixture
from adshift.errors import AdshiftError


def examine(
    root: Path, categories: Sequence[str] | None = None, progress: bool = False, layout: Layout = MVTEC
) -> list[Problem]:
    """Every problem of a data set: errors first, then by file.

    Args:
        root: the folder that holds the category folders, or a category itself, judged as ``data=folder data.root=ROOT``
            takes it (``adshift.data.own``).
        categories: those to look at; None for every folder of ``root``, for those of the layout's own categories that are
            there, or for ``root`` itself where it is one.
        progress: show a bar while images are decoded.
        layout: where the images lie.
    """
    if not root.is_dir():
        return [
            error(".", "is no folder", "name the folder that holds the category folders, or a flat one of good images")
        ]
    alone = categories is None and layout.bases is of_its_name and not layout.categories and is_category(root)
    if alone:
        root, name = as_category(root)
        categories = [name]
    elif categories is None:
        categories = [name for name in layout.categories or [p.name for p in folders(root)] if layout.holds(root, name)]
    if not categories:
        return [error(".", f"holds no category of {layout.name}", f"it should hold {layout.expects}")]
    found = _case_twins(categories)
    for category in categories:
        try:
            found += _category(root, category, progress, layout, alone)
        except OSError as mistake:
            place = mistake.filename or category
            found.append(error(category, f"cannot be looked through ({mistake.strerror}: {place})", "make it readable"))
    unique = dict.fromkeys(found)
    return sorted(unique, key=lambda problem: (problem.severity, problem.file))


def _case_twins(categories: Sequence[str]) -> list[Problem]:
    folded: dict[str, str] = {}
    found = []
    for name in categories:
        first = folded.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if first != name:
            found.append(error(name, f"has the name of {first} but for its case", "rename one of them"))
    return found


def _category(root: Path, category: str, progress: bool, layout: Layout, alone: bool) -> list[Problem]:
    try:
        check_category_name(category)
    except AdshiftError as mistake:
        return [error(category, "cannot be a category", str(mistake))]
    if not layout.holds(root, category):
        return [error(category, "is no folder of the data root", "name one that is")]
    found = [*name_problems(root, category, layout), *layout_problems(root, category, layout)]
    try:
        index = layout.find(root, category)
    except AdshiftError as mistake:
        what, _, remedy = str(mistake).rpartition("; ")
        return [*found, error(category, f"cannot be indexed: {what}", remedy)]
    samples = index.samples
    found += role_problems(root, index, alone)
    mixed = mixture(root / category) if not layout.name and is_flat(root / category) else ""
    found += [error(category, mixed, UNMIX)] if mixed else []
    found += mask_problems(root, index, layout)
    by_header, headers = header_problems(root, samples)
    found += by_header
    found += mixture_problems(headers)
    found += squash_problems(headers)
    broken = {problem.file for problem in by_header if problem.severity == "error"}
    found += pixel_problems(root, [s for s in samples if not {s.path, *s.masks} & broken], progress)
    return found
