"""Axes of a chart: from a value to its place, and the values that are named."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

STEPS = (1.0, 2.0, 5.0, 10.0)
DECADE = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0))
"""Multiples of the powers of ten that a logarithmic axis may name, from few to many."""
SPAN = 8.0
"""A positive quantity whose largest value is more than this many times its middle is drawn on a logarithmic axis."""
AIR = 0.08
"""Share of the axis that is left free at an end."""


@dataclass(frozen=True)
class Axis:
    """A range of values, drawn linearly or by their logarithm.

    Attributes:
        low, high: its ends, low < high; both positive where ``log``.
        log: whether equal ratios are equal distances.
    """

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high one; what lies beyond an end is put there."""
        low, high, at = (self._scaled(v) for v in (self.low, self.high, min(max(value, self.low), self.high)))
        return (at - low) / (high - low)

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.log else value

    def ticks(self, most: int) -> list[float]:
        """Round values inside, at most ``most``."""
        return _log_ticks(self.low, self.high, most) if self.log else linear_ticks(self.low, self.high, most)


def axis_of(values: Sequence[float], middles: Sequence[float]) -> Axis:
    """An axis that holds all values; logarithmic where they are positive and some are far above the middle.

    Args:
        values: the extremes among them; finite, at least one.
        middles: typical values, by whose median the middle is found; finite.
    """
    low, high = min(values), max(values)
    if low > 0.0 and middles and high > SPAN * median(middles):
        air = (high / low) ** AIR
        return Axis(low / air, high * air, log=True)
    if 0.0 <= low < 0.5 * high:
        return Axis(0.0, high * (1.0 + AIR))
    air = AIR * (high - low) or 0.1 * abs(high) or 1.0
    return Axis(low - air, high + air)


def linear_ticks(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within [low, high], at most ``most``.

    >>> linear_ticks(0.0, 1.3, 5)
    [0.0, 0.5, 1.0]
    """
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (power * factor for factor in STEPS):
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first < most:
            break
    return [i * step for i in range(first, last + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Multiples of the powers of ten, the most of ``DECADE`` for which there is room; linear ones within a decade or so."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    sets = [[m * 10.0**p for p in powers for m in multiples if low <= m * 10.0**p <= high] for multiples in DECADE]
    fitting = [ticks for ticks in sets if 2 <= len(ticks) <= most]
    if fitting:
        return fitting[-1]
    every = math.ceil(len(sets[0]) / most)
    return sets[0][::every] if every > 1 else linear_ticks(low, high, most)
