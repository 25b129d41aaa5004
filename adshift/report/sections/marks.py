"""Figures and differences as the marks and points of plots."""

from __future__ import annotations

from collections.abc import Mapping

from adshift.metrics.resampling import Difference
from adshift.metrics.summary import Figures
from adshift.report.plots.lines import Point
from adshift.report.plots.whiskers import Mark


def _bounds(figures: Figures, name: str) -> tuple[float | None, float | None]:
    exact = figures.values.get(f"{name}_exact_ci")
    found = exact if isinstance(exact, list) else figures.values.get(f"{name}_ci")
    return (100 * found[0], 100 * found[1]) if isinstance(found, list) else (None, None)


def level_marks(groups: Mapping[str, Figures], name: str) -> dict[str, Mark]:
    """A figure in percent by group; groups where it is undefined are left out."""
    found = {}
    for group, figures in groups.items():
        value = figures.values.get(name)
        if isinstance(value, float | int):
            found[group] = Mark(100 * value, *_bounds(figures, name))
    return found


def gap_marks(by_group: Mapping[str, Mapping[str, Difference]], name: str) -> dict[str, Mark]:
    """A difference in points by group; groups where it is undefined are left out."""
    found = {}
    for group, differences in by_group.items():
        d = differences[name]
        if d.estimate is not None:
            low, high = (None, None) if d.interval is None else (100 * d.interval[0], 100 * d.interval[1])
            found[group] = Mark(100 * d.estimate, low, high)
    return found


def point(x: float, figures: Figures, name: str, label: str = "") -> list[Point]:
    """The figure in percent at ``x``, with a label; no point where it is undefined."""
    value = figures.values.get(name)
    return [Point(x, 100 * value, *_bounds(figures, name), label)] if isinstance(value, float | int) else []
