"""Bring the images of a data source onto the disk, and check that they can be read, before anything long starts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from adshift.data.check.names import layout_problems, name_problems
from adshift.data.check.problem import Problem, errors
from adshift.data.check.quick import file_problems
from adshift.data.layouts.by_name import layout_of
from adshift.data.layouts.layout import index_in
from adshift.data.moved import index_moved
from adshift.data.own import check_command
from adshift.data.sample_keys import sample_hashes
from adshift.data.samples import CategoryIndex, Sample, index
from adshift.errors import AdshiftError, printable
from adshift.store.file_hashes import FileHashes
from adshift.system.terminal import say


def acquire(source: str, root: Path, categories: Sequence[str], folder: str = "") -> list[CategoryIndex]:
    """Download (``mvtec``) or draw (``synthetic``) what is missing, then index it as the source's layout says.

    ``folder`` is what the folder of a finished run's only category is called now, where that is another name.
    A data set that is read where it was installed says its licence.

    Raises:
        AdshiftError: an unknown source, images that cannot be had, a broken layout, or names and links that cannot be.
    """
    layout = layout_of(source)
    if folder:
        found = [index_moved(layout, root, folder, category) for category in categories]
        _refuse(root, errors(name_problems(root, folder, layout)), check_command(source, root, [folder]))
        return found
    if source == "mvtec":
        from adshift.data import mvtec

        mvtec.ensure(root, categories)
    elif source == "synthetic":
        from adshift.data import synthetic

        synthetic.ensure(root, categories)
    elif layout.licence:
        say(layout.licence)
    found = index(root, categories, partial(index_in, layout))
    wrong = errors(problem for category in categories for problem in name_problems(root, category, layout))
    _refuse(root, wrong, check_command(source, root, categories))
    return found


def unread(source: str, root: Path, categories: Sequence[str]) -> list[str]:
    """Pictures, and folders of them, that lie in the categories and are read by nothing: a line each."""
    layout = layout_of(source)
    problems = (problem for category in categories for problem in layout_problems(root, category, layout))
    return [problem.line() for problem in problems if problem.severity == "warning"]


def verify_files(
    root: Path, samples: Sequence[Sample], command: str = "", hashes: FileHashes | None = None
) -> list[str]:
    """Check every image and mask before anything long starts: the quick half of ``python -m adshift.data.check``.

    Args:
        root: what the samples' paths are relative to.
        samples: those to be read.
        command: the doctor's for them, to be named where there are several errors; empty where it has none.
        hashes: learns what the files hold before they are looked at, so that a job decodes what was checked, or nothing.

    Returns:
        What should be known about them, a line each.

    Raises:
        AdshiftError: names the first file that is broken or does not fit, and how many more there are.
    """
    if hashes is not None:
        with suppress(AdshiftError):  # what cannot be read is told below
            sample_hashes(hashes, root, samples)
    found = file_problems(root, samples)
    _refuse(root, errors(found), command)
    return [problem.line() for problem in found]


def _refuse(root: Path, wrong: Sequence[Problem], command: str) -> None:
    if wrong:
        all_of_them = f": {command} lists all" if command else ""
        more = f" (and {len(wrong) - 1} more{all_of_them})" if len(wrong) > 1 else ""
        raise AdshiftError(printable(f"{root / wrong[0].file} {wrong[0].what}; {wrong[0].remedy}{more}"))
