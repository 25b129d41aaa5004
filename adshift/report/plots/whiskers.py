"""Dots with whiskers: figures and differences with their intervals, a row a category, a mark a series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from adshift.report.plots.style import INK, WIDTH, looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Mark(NamedTuple):
    """A value with its interval, in percent or points; ``low`` and ``high`` are None where there is none."""

    value: float
    low: float | None
    high: float | None


Panel = Mapping[str, Mapping[str, Mark]]
"""series -> row -> mark."""


def whiskers(panels: Mapping[str, Panel], unit: str, *, zero: bool = False, columns: int = 3) -> Figure:
    """A panel a figure of merit; rows and series are shared.

    Args:
        panels: title -> its marks.
        unit: label of the horizontal axes.
        zero: draw a line at 0, for differences.
        columns: panels beside each other.
    """
    from matplotlib.figure import Figure

    rows = list(dict.fromkeys(row for panel in panels.values() for marks in panel.values() for row in marks))
    names = list(dict.fromkeys(name for panel in panels.values() for name in panel))
    across = min(columns, len(panels))
    down = -(-len(panels) // across)
    step = 0.14 * max(len(names), 1) + 0.16
    figure = Figure(figsize=(WIDTH, down * (0.75 + step * max(len(rows), 2)) + 0.4))
    axes = figure.subplots(down, across, squeeze=False, sharey=True)
    for axis, (title, panel) in zip(axes.flat, panels.items(), strict=False):
        _panel(axis, panel, rows, names)
        axis.set_title(title)
        axis.set_xlabel(unit)
        if zero:
            axis.axvline(0, color=INK, linewidth=0.9)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    if len(names) > 1:
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(names)))
    return figure


def _panel(axis: Axes, panel: Panel, rows: Sequence[str], names: Sequence[str]) -> None:
    style = looks(names)
    for i, name in enumerate(names):
        offset = (i - (len(names) - 1) / 2) * 0.72 / max(len(names), 1)
        marks = [(rows.index(row) + offset, mark) for row, mark in panel.get(name, {}).items()]
        look = style[name]
        axis.plot([m.value for _, m in marks], [y for y, _ in marks], look.marker, color=look.colour, label=name)
        for y, mark in marks:
            if mark.low is not None and mark.high is not None:
                axis.plot([mark.low, mark.high], [y, y], "-", color=look.colour, linewidth=1.2)
    axis.set_yticks(range(len(rows)), rows)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.grid(visible=False, axis="y")
