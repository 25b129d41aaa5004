"""All figures as one tidy table: a row a cell, category and figure, with its interval."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adshift.report.cells import Cell, values_of
from adshift.system.atomic import atomic_path

COLUMNS = ("detector", "method", "coreset_ratio", "domain", "severity", "domain_seed", "seed", "adaptation", "threshold",
           "scope", "unified", "category", "figure", "value", "low", "high", "interval", "run")  # fmt: skip


def tidy_rows(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """The rows; ``category`` is a category, ``macro`` or ``pooled``.

    ``interval`` says what ``low`` and ``high`` are: ``bootstrap`` or ``exact`` (Clopper-Pearson); undefined figures and
    missing intervals are None.
    """
    rows = []
    for cell in cells:
        factors = {
            "detector": cell.detector, "method": cell.run.factors["method"], "coreset_ratio": cell.coreset,
            "domain": cell.domain, "severity": cell.severity, "domain_seed": cell.domain_seed, "seed": cell.seed,
            "adaptation": cell.adaptation, "threshold": cell.threshold, "scope": cell.scope, "unified": cell.unified,
        }  # fmt: skip
        for group, figures in cell.figures.items():
            for name, (value, low, high) in values_of(figures).items():
                exact = figures.values.get(f"{name}_exact_ci")
                kind = "bootstrap"
                if isinstance(exact, list):
                    (low, high), kind = exact, "exact"
                rows.append({**factors, "category": group, "figure": name, "value": value, "low": low, "high": high,
                             "interval": None if low is None else kind, "run": str(cell.run.folder)})  # fmt: skip
    return rows


def write_tidy(folder: Path, cells: Sequence[Cell]) -> list[Path]:
    """Write cells.csv, and cells.parquet where pyarrow is installed; returns what was written."""
    rows = tidy_rows(cells)
    path = folder / "cells.csv"
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: "" if v is None else v for k, v in row.items()} for row in rows)
    if importlib.util.find_spec("pyarrow") is None:
        return [path]
    import pyarrow
    import pyarrow.parquet

    with atomic_path(folder / "cells.parquet") as partial:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), partial)
    return [path, folder / "cells.parquet"]
