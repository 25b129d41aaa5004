"""How far the figures move with the seeds alone."""

from __future__ import annotations

from adshift.metrics.seeds import Spread, aggregate
from adshift.report.cells import Cell
from adshift.report.document import Section
from adshift.report.study import Study
from adshift.report.tables import NAMES, NONE, Row, Table, ratio_text

SHOWN = ("image_auroc", "pixel_auroc", "pro_030", "image_f1", "false_alarm_rate")
FACTORS = ("detector", "coreset", "domain", "severity", "adaptation", "threshold", "scope", "categories")


def section(study: Study) -> Section | None:
    """Cells that differ in ``seed`` and ``domain.seed`` alone: mean, standard deviation and interval of the mean."""
    groups: dict[tuple[object, ...], list[Cell]] = {}
    for cell in study.cells:
        groups.setdefault(tuple(getattr(cell, name) for name in FACTORS), []).append(cell)
    rows: list[Row] = []
    for cells in groups.values():
        for category in cells[0].categories if len(cells) > 1 else ():
            spreads = [aggregate([_value(cell, category, n) for cell in cells]) for n in SHOWN]
            c = cells[0]
            rows.append((category, c.detector, ratio_text(c.coreset), c.condition, c.threshold, str(len(cells)),
                         *map(_text, spreads)))  # fmt: skip
    if not rows:
        return None
    caption = (
        "Spread over seeds: mean ± sample standard deviation [95 % Student interval of the mean], percent. It speaks of "
        "seeds (of the fit and of the shift), not of test images."
    )
    header = ("category", "detector", "coreset", "condition", "threshold", "seeds", *(NAMES[n] for n in SHOWN))
    lead = "Runs that differ in nothing but their seeds."
    return Section("seeds", "Seeds", lead, (), (Table("seeds", caption, header, tuple(rows), 5),))


def _value(cell: Cell, category: str, name: str) -> float | None:
    value = cell.figures[category].values.get(name)
    return value if isinstance(value, float | int) else None


def _text(spread: Spread) -> str:
    mean, std, low, high = spread["mean"], spread["std"], spread["low"], spread["high"]
    if mean is None or std is None or low is None or high is None:
        return NONE if mean is None else f"{100 * mean:.1f}"
    return f"{100 * mean:.1f} ± {100 * std:.1f} [{100 * low:.1f}, {100 * high:.1f}]".replace("-", "−")
