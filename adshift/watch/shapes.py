"""Lines, areas and dots of a chart as paths of SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from adshift.watch.axis import Axis
from adshift.watch.history import Stretch

WIDTH = 1000.0
"""Of the shapes' own coordinates, stretched to the width that the page has."""
HEIGHT = 240.0
"""Pixels."""


@dataclass(frozen=True)
class Frame:
    """The parts ``first`` to ``last`` from left to right, and an axis upward."""

    first: int
    last: int
    axis: Axis

    def x(self, number: float) -> float:
        """Of a part's middle; a part's edges lie 0.5 beside it."""
        return WIDTH * (number - self.first + 0.5) / (self.last - self.first + 1)

    def y(self, value: float) -> float:
        """Downward, as in SVG."""
        return HEIGHT * (1.0 - self.axis.place(value))

    def percent(self, number: float) -> float:
        """Of the width, within it."""
        return min(max(100.0 * self.x(number) / WIDTH, 0.0), 100.0)


def runs(stretches: Sequence[Stretch]) -> list[list[Stretch]]:
    """Stretches of one epoch that all have a score: what a line may join."""
    groups = groupby(stretches, lambda s: (s.epoch, s.scored > 0))
    return [list(run) for (_, scored), run in groups if scored]


def line(frame: Frame, points: Iterable[tuple[float, float | None]]) -> str:
    """A line through points of which the value is known."""
    places = [f"{frame.x(n):.1f} {frame.y(v):.1f}" for n, v in points if v is not None]
    return "M" + "L".join(places) if len(places) > 1 else ""


def dots(frame: Frame, points: Iterable[tuple[float, float | None]]) -> str:
    """Lines of no length: with round ends they are dots, whatever the width is stretched to."""
    return "".join(f"M{frame.x(n):.1f} {frame.y(v):.1f}h0" for n, v in points if v is not None)


def band(frame: Frame, run: Sequence[Stretch]) -> str:
    """From the lowest to the highest score of each stretch, over its whole length; every one has a score."""
    edges = [(s.first - 0.5, s.last + 0.5, s.low, s.high) for s in run if s.low is not None and s.high is not None]
    over = "".join(f"V{frame.y(high):.1f}H{frame.x(right):.1f}" for _, right, _, high in edges)
    under = "".join(f"V{frame.y(low):.1f}H{frame.x(left):.1f}" for left, _, low, _ in reversed(edges))
    return f"M{frame.x(edges[0][0]):.1f} {frame.y(edges[0][2]):.1f}{over}{under}Z"


def steps(frame: Frame, stretches: Sequence[Stretch], values: Mapping[int, float | None]) -> str:
    """A level for each epoch that has one, joined where epochs meet."""
    path, joined = "", False
    for epoch, run in groupby(stretches, lambda s: s.epoch):
        held, value = list(run), values.get(epoch)
        if value is not None:
            left, right, y = frame.x(held[0].first - 0.5), frame.x(held[-1].last + 0.5), frame.y(value)
            path += f"{f'V{y:.1f}' if joined else f'M{left:.1f} {y:.1f}'}H{right:.1f}"
        joined = value is not None
    return path
