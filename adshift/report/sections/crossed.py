"""The identical shortcut: thresholds of other categories, and neighbours from other categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adshift.report.cells import Cell
from adshift.report.document import Plot, Section
from adshift.report.plots.heatmap import heatmaps
from adshift.report.sections.named import unified_name
from adshift.report.study import Study
from adshift.report.tables import NONE, Row, Table, at

ROLES = {"held_out": "held-out test normals", "train": "train normals, which the model holds,"}


def section(study: Study) -> Section | None:
    """Cross-threshold matrices and foreign matches of the unified models with a threshold a category."""
    cells = [c for c in study.cells if c.unified and c.scope == "category" and at(c.run.result, "unified")]
    tables: list[Table] = []
    plots: list[Plot] = []
    findings: list[str] = []
    for place, cell in enumerate(cells):
        crossed = at(cell.run.result, "unified", "cross_threshold") or {}
        matrices = {title.partition(",")[0]: crossed[role] for role, title in ROLES.items() if crossed.get(role)}
        for role, title in ROLES.items():
            if crossed.get(role):
                tables.append(
                    _matrix(f"cross_threshold_{place}_{role}", unified_name(study, cell), title, crossed[role])
                )
        if matrices:
            plots.append(_plot(place, unified_name(study, cell), matrices))
            findings += _crossed(unified_name(study, cell), crossed.get("held_out") or {})
    foreign = [(cell, found) for cell in cells if (found := at(cell.run.result, "unified", "foreign_matches"))]
    if foreign:
        tables.append(_foreign(study, foreign))
    if not tables:
        return None
    lead = (
        "The false-alarm rate of one category's normal images under another's threshold, and how often a test patch finds "
        "its nearest neighbour in another category. On train normals the matrix looks far better than it is."
    )
    return Section(
        "crossed", "Crossed thresholds and foreign matches", lead, tuple(findings), tuple(tables), tuple(plots)
    )


def _rate(entry: Mapping[str, Any]) -> str:
    rate, bounds = entry.get("rate"), entry.get("ci")
    if rate is None:
        return NONE
    return f"{100 * rate:.1f}" + (f" [{100 * bounds[0]:.1f}, {100 * bounds[1]:.1f}]" if bounds else "")


def _matrix(table: str, setting: str, title: str, matrix: Mapping[str, Mapping[str, Any]]) -> Table:
    columns = tuple(matrix)
    rows = tuple((i, *(_rate(matrix[i][j]) for j in columns)) for i in columns)
    caption = (
        f"{setting}: false alarms, percent [exact 95 % interval], of the row's {title} under the column's threshold."
    )
    return Table(table, caption, ("normals of", *columns), rows)


def _plot(place: int, setting: str, matrices: Mapping[str, Any]) -> Plot:
    return Plot(
        f"cross_threshold_{place}",
        f"{setting}: false alarms under crossed thresholds.",
        "Heatmaps of the false-alarm rate, categories against the thresholds of categories; the values are in the tables "
        "of this section.",
        lambda: heatmaps(matrices),
    )


def _crossed(setting: str, matrix: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Where a foreign threshold is shown to raise more false alarms than a category's own: disjoint exact intervals."""
    worse = [
        (i, j)
        for i in matrix
        for j in matrix[i]
        if i != j
        and matrix[i][j].get("ci")
        and matrix[i][i].get("ci")
        and matrix[i][j]["ci"][0] > matrix[i][i]["ci"][1]
    ]
    pairs = sum(len(row) - 1 for row in matrix.values())
    if not pairs:
        return []
    named = ", ".join(f"{i} under {j}'s" for i, j in worse[:6]) + (", …" if len(worse) > 6 else "")
    told = f" ({named})" if worse else ""
    return [
        f"{setting}: a foreign threshold is shown to raise more false alarms on held-out normals than a category's own in "
        f"{len(worse)} of {pairs} pairs{told}."
    ]


def _foreign(study: Study, found: list[tuple[Cell, Mapping[str, Any]]]) -> Table:
    keys = ("share", "share_normal", "share_anomalous")
    rows: list[Row] = []
    for cell, by_category in found:
        for category, shares in by_category.items():
            numbers = (NONE if shares.get(k) is None else f"{100 * shares[k]:.2f}" for k in keys)
            rows.append((category, unified_name(study, cell), *numbers))
    caption = "Test patches whose nearest neighbour in the memory bank is of another category, percent of patches."
    header = ("category", "setting", "all", "normal images", "anomalous images")
    return Table("foreign_matches", caption, header, tuple(rows), 2)
