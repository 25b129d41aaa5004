"""What a cell costs: time of the fit, size of the memory bank, latency, memory."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from adshift.report.cells import Cell
from adshift.report.document import Section
from adshift.report.study import Study
from adshift.report.tables import NONE, Row, Table, at, number, ratio_text

COLUMNS = (
    ("fit (s)", ("timing", "fit"), 1),
    ("score (s)", ("timing", "score"), 1),
    ("vectors", ("memory", "bank_vectors"), 0),
    ("bank (MB)", ("memory", "bank_mb"), 1),
    ("ms / image, one", ("timing", "ms_per_image", "1"), 1),
    ("ms / image, 32", ("timing", "ms_per_image", "32"), 1),
    ("peak RSS (MB)", ("memory", "peak_rss_mb"), 0),
    ("peak CUDA (MB)", ("memory", "peak_cuda_mb"), 0),
)


def section(study: Study) -> Section | None:
    """A row a detector, coreset, number of categories and device: the median over its runs, and their range."""
    groups: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in study.cells:
        device = str(at(cell.run.result, "provenance", "device") or NONE)
        groups.setdefault((cell.detector, cell.coreset, len(cell.categories), device), []).append(cell)
    rows: list[Row] = []
    for (detector, coreset, n_categories, device), cells in groups.items():
        numbers = [_range([at(c.run.result, *path) for c in cells], digits) for _, path, digits in COLUMNS]
        rows.append((detector, ratio_text(coreset), str(n_categories), device, str(len(cells)), *numbers))
    kept = [i for i in range(len(rows[0])) if i < 5 or any(row[i] != NONE for row in rows)]
    header = ("detector", "coreset", "categories", "device", "runs", *(title for title, _, _ in COLUMNS))
    caption = (
        "Cost of a run: median over the runs (smallest to largest where they differ). Wall-clock times are those of the "
        "machine as it was, with whatever else it did. A stage from the store counts as what it took when it was done."
    )
    lead = "Cost of fitting and scoring. Times vary with the machine; sizes do not."
    table = Table("efficiency", caption, tuple(header[i] for i in kept),
                  tuple(tuple(row[i] for i in kept) for row in rows), 5)  # fmt: skip
    return Section("efficiency", "Efficiency", lead, _shared(study.cells), (table,))


def _shared(cells: Sequence[Cell]) -> tuple[str, ...]:
    """What the runs took together, beside what their stages would have taken in each run by itself."""
    timings = [at(cell.run.result, "timing") for cell in cells]
    walls = [t.get("wall") for t in timings if isinstance(t, dict)]
    if len(walls) < len(cells) or not all(isinstance(wall, int | float) for wall in walls):
        return ()
    alone = sum(t.get(stage) or 0.0 for t in timings for stage in ("fit", "score", "calibrate", "metrics"))
    return (
        f"The {len(cells)} runs took {number(sum(walls), 0)} s together, as they shared what the store kept. One by one, "
        f"each from nothing, the same stages add up to {number(alone, 0)} s.",
    )


def _range(values: Sequence[Any], digits: int) -> str:
    known = [v for v in values if isinstance(v, int | float)]
    if not known:
        return NONE
    middle, low, high = (number(f(known), digits) for f in (statistics.median, min, max))
    return middle if low == high else f"{middle} ({low}–{high})"
