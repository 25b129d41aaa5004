"""Finished runs, found by their result.json; broken ones are named and left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from adshift.errors import AdshiftError
from adshift.report.folders import run_folders
from adshift.report.runs import Run
from adshift.results.files import RESULT
from adshift.system.terminal import tell

Say = Callable[[str], None]


def read_runs(roots: Sequence[Path], say: Say) -> list[Run]:
    """The runs at or below ``roots``; see ``usable``.

    Raises:
        AdshiftError: a root is no folder, or no usable run is left.
    """
    runs = usable(run_folders(roots), say, _writable)
    if not runs:
        places = ", ".join(map(str, roots))
        raise AdshiftError(f"{places} holds no finished run; give folders that train.py or evaluate.py has written")
    return runs


def usable(folders: Sequence[Path], say: Say, read: Callable[[Path], Run] = Run.read) -> list[Run]:
    """The finished runs among ``folders``; ``say`` gets a line for each that cannot be used."""
    runs = []
    for folder in folders:
        try:
            runs.append(read(folder))
        except AdshiftError as error:
            say(f"left out: {error}")
    return runs


def chosen_runs(folders: Sequence[Path]) -> list[Run]:
    """The finished runs among those that somebody named; the others are told on stderr.

    Raises:
        AdshiftError: none is left.
    """
    lines: list[str] = []
    runs = usable(folders, lines.append)
    if not runs:
        raise AdshiftError("; ".join(lines))
    for line in lines:
        tell(line)
    return runs


def _writable(folder: Path) -> Run:
    """A run whose every text can stand in a page."""
    run = Run.read(folder)
    try:
        json.dumps(run.result, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise AdshiftError(f"{folder / RESULT} holds a text that is no UTF-8 ({error}); run the cell again") from error
    return run
