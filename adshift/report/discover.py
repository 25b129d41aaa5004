"""The finished runs under some folders: found by their result.json, broken ones named and left out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from adshift.errors import AdshiftError
from adshift.report.runs import Run
from adshift.results import RESULT

REQUIRED = ("config", "metrics", "threshold", "counts", "timing", "memory", "provenance", "warnings")
Say = Callable[[str], None]


def run_folders(roots: Sequence[Path]) -> list[Path]:
    """Every folder at or below ``roots`` that holds a result.json, in sorted order, each once; dot-folders are passed.

    Raises:
        AdshiftError: a root is no folder.
    """
    found: dict[Path, Path] = {}
    for root in roots:
        if not root.is_dir():
            raise AdshiftError(f"{root} is no folder; give the folders of finished runs, or folders above them")
        for folder, below, files in os.walk(root):
            below[:] = sorted(name for name in below if not name.startswith("."))
            if RESULT in files:
                found.setdefault(Path(folder).resolve(), Path(folder))
    return sorted(found.values(), key=str)


def read_runs(roots: Sequence[Path], say: Say) -> list[Run]:
    """The runs under ``roots``; ``say`` gets a line for each folder whose result.json cannot be used.

    Raises:
        AdshiftError: a root is no folder, or no usable run is left.
    """
    runs = []
    for folder in run_folders(roots):
        try:
            run = Run.read(folder)
            _check_shape(run)
        except AdshiftError as error:
            say(f"left out: {error}")
        else:
            runs.append(run)
    if not runs:
        places = ", ".join(map(str, roots))
        raise AdshiftError(f"{places} holds no finished run; give folders that train.py or evaluate.py has written")
    return runs


def _check_shape(run: Run) -> None:
    """Refuse a result.json that some other program wrote: a key or a factor of the cell is missing."""
    missing = [key for key in REQUIRED if not isinstance(run.result.get(key), list if key == "warnings" else dict)]
    try:
        complete = not missing and bool(run.factors) and bool(run.result["metrics"]["categories"])
    except (KeyError, TypeError, IndexError, ValueError):
        complete = False
    if not complete:
        what = f"without {', '.join(missing)}" if missing else "with a configuration that is not adshift's"
        raise AdshiftError(f"{run.folder / RESULT} is {what}; run the cell again")
