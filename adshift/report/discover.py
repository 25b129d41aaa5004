"""The finished runs under some folders: found by their result.json, broken ones named and left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adshift.errors import AdshiftError
from adshift.metrics.summary import FIGURES
from adshift.report.cells import to_cells
from adshift.report.folders import run_folders
from adshift.report.runs import Run
from adshift.results.files import RESULT

REQUIRED = ("config", "metrics", "threshold", "counts", "timing", "memory", "provenance", "warnings")
Say = Callable[[str], None]


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
    """Refuse a result.json that some other program wrote, or an older adshift: a part is missing or of another kind."""
    missing = [key for key in REQUIRED if not isinstance(run.result.get(key), list if key == "warnings" else dict)]
    if missing:
        raise AdshiftError(f"{run.folder / RESULT} has no {', '.join(missing)}; run the cell again")
    try:
        to_cells([run])
        _check_figures(run.result)
        json.dumps(run.result, ensure_ascii=False).encode()
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise AdshiftError(
            f"{run.folder / RESULT} is not as adshift writes it ({type(error).__name__}: {error}); run the cell again"
        ) from error


def _check_figures(result: dict[str, Any]) -> None:
    """Raise ValueError, TypeError or KeyError where a figure, an interval or a promise is none."""
    metrics = result["metrics"]
    if not metrics["categories"]:
        raise ValueError("no category")
    for values in (*metrics["categories"].values(), *(metrics[g] for g in ("macro", "pooled") if g in metrics)):
        for name in FIGURES:
            if not isinstance(values[name], float | int | None):
                raise TypeError(f"{name}={values[name]}")
        for name, bounds in values.items():
            if name.endswith("_ci"):
                low, high = bounds
                float(low), float(high)
    for calibration in result["threshold"].values():
        if not isinstance(calibration["promised_rate"], float | int | None):
            raise TypeError(f"promised_rate={calibration['promised_rate']}")
