"""Lines with error bars: a figure against severity or cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from adshift.report.plots.style import WIDTH, looks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Point(NamedTuple):
    """A value (percent) with its interval at a place x; the ends are None where there is none."""

    x: float
    value: float
    low: float | None
    high: float | None
    label: str = ""


class LinePanel(NamedTuple):
    """One pair of axes: series -> points, in the order of x."""

    x_label: str
    y_label: str
    series: Mapping[str, Sequence[Point]]
    logarithmic: bool = False


def lines(panels: Sequence[LinePanel], columns: int = 3) -> Figure:
    """Panels side by side under one legend."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for panel in panels for name in panel.series))
    style = looks(names)
    across = min(columns, len(panels))
    down = -(-len(panels) // across)
    legend_rows = -(-len(names) // 3)
    figure = Figure(figsize=(WIDTH if across > 1 else WIDTH * 0.6, 2.4 * down + 0.2 * legend_rows))
    axes = figure.subplots(down, across, squeeze=False)
    for axis, panel in zip(axes.flat, panels, strict=False):
        for name, points in panel.series.items():
            look = style[name]
            x, y = [p.x for p in points], [p.value for p in points]
            for p in points:
                axis.annotate(
                    p.label, (p.x, p.value), (4, 4), textcoords="offset points", fontsize=7, color=look.colour
                )
            axis.plot(x, y, marker=look.marker, linestyle=look.line, color=look.colour, label=name)
            known = [(p.x, p.low, p.high) for p in points if p.low is not None and p.high is not None]
            if known:
                axis.vlines(*map(list, zip(*known, strict=True)), color=look.colour, linewidth=1.0)
        if panel.logarithmic:
            axis.set_xscale("log")
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter("")
        axis.set_xlabel(panel.x_label)
        axis.set_ylabel(panel.y_label)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(names)))
    return figure
