"""Bring the images of a data source onto the disk, and check that they can be read, before anything long starts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from adshift.data.check.names import name_problems
from adshift.data.check.problem import Problem, errors
from adshift.data.check.quick import file_problems
from adshift.data.layouts.by_name import layout_of
from adshift.data.layouts.layout import index_in
from adshift.data.samples import CategoryIndex, Sample, index
from adshift.errors import AdshiftError, printable


def acquire(source: str, root: Path, categories: Sequence[str]) -> list[CategoryIndex]:
    """Download (``mvtec``) or draw (``synthetic``) what is missing, then index it as the source's layout says.

    A data set that is read where it was installed says its licence.

    Raises:
        AdshiftError: an unknown source, images that cannot be had, a broken layout, or names and links that cannot be.
    """
    layout = layout_of(source)
    if source == "mvtec":
        from adshift.data import mvtec

        mvtec.ensure(root, categories)
    elif source == "synthetic":
        from adshift.data import synthetic

        synthetic.ensure(root, categories)
    elif layout.licence:
        print(layout.licence)
    found = index(root, categories, partial(index_in, layout))
    wrong = errors(problem for category in categories for problem in name_problems(root, category, layout))
    _refuse(root, wrong)
    return found


def verify_files(root: Path, samples: Sequence[Sample]) -> list[str]:
    """Check every image and mask before anything long starts: the quick half of ``python -m adshift.data.check``.

    Returns:
        What should be known about them, a line each.

    Raises:
        AdshiftError: names the first file that is broken or does not fit, and how many more there are.
    """
    found = file_problems(root, samples)
    _refuse(root, errors(found))
    return [problem.line() for problem in found]


def _refuse(root: Path, wrong: Sequence[Problem]) -> None:
    if wrong:
        first = printable(f"{root / wrong[0].file} {wrong[0].what}; {wrong[0].remedy}")
        more = f" (and {len(wrong) - 1} more: python -m adshift.data.check {root} lists all)" if len(wrong) > 1 else ""
        raise AdshiftError(first + more)
