"""Where a change of the line began."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from adshift.watch.book import Book
from adshift.watch.records import Epoch
from adshift.watch.streams import STREAMS

LOOK_BACK = 5000
"""Parts before an alarm among which the change is looked for."""
SHORTEST = 5
"""Numbers of a stretch that is told from another."""
AROUND = 60
"""Parts before the evidence's lowest level that the change may have begun at."""


def since_of(book: Book, epoch: Epoch, normals: Sequence[float], stream: str) -> int:
    """The part with which the change began, as far as one stream tells.

    Evidence falls slowly while nothing happens and rises from the change on, so that its lowest level tells the change to
    within some dozens of parts, as in a CUSUM chart. Among those around it the one is taken that divides the stream's
    numbers best by their ranks. Where those reach back to the first part, what the stream began with comes before it: a
    line that was another from the first part on has no change among its parts.

    Args:
        book: with the epoch's parts.
        epoch: in which.
        normals: the scores that the score's stream began with.
        stream: its name.

    Source: Page, Continuous inspection schemes, Biometrika 1954, for the former; ``change_point`` for the latter.
    """
    index = [s.name for s in STREAMS].index(stream)
    value = "score" if index == 0 else f"json_extract(looks, '$[{index - 1}]')"
    rows = list(
        book.query(
            f"SELECT number, json_extract(levels, ?) AS level, {value} AS value FROM parts "
            "WHERE epoch = ? AND levels IS NOT NULL AND value IS NOT NULL ORDER BY number DESC LIMIT ?",
            (f"$[{index}]", epoch.epoch, LOOK_BACK),
        )
    )[::-1]
    lowest = len(rows) - 1 - int(np.argmin([row["level"] for row in rows][::-1]))
    first = max(0, lowest + 1 - AROUND)
    around = rows[first:]
    usual: list[float] = []
    if first == 0 and len(rows) < LOOK_BACK:
        began = normals if index == 0 else [look[index - 1] for look in epoch.looks]
        usual = [value for value in began if math.isfinite(value)][:AROUND]
    place = change_point([*usual, *(row["value"] for row in around)])
    return int(around[max(0, place - len(usual))]["number"])


def change_point(values: Sequence[float]) -> int:
    """Where the second of two stretches begins that a rank test tells apart best; 0 where there are too few numbers.

    The Mann-Whitney statistic over its standard deviation, at every place that leaves ``SHORTEST`` numbers on either side:
    over its standard deviation, as a change is mostly near the end, where Pettitt's own would draw it to the middle.

    >>> change_point([3.0, 1.0, 2.0, 2.5, 0.5, 1.5, 9.0, 8.0, 9.5, 8.5, 7.0])
    6

    Source: Hawkins and Deng, A nonparametric change-point control chart, Journal of Quality Technology 2010.
    """
    from scipy.stats import rankdata

    n = len(values)
    if n < 2 * SHORTEST:
        return 0
    place = np.arange(SHORTEST, n - SHORTEST + 1)
    apart = np.abs(2 * np.cumsum(rankdata(values))[place - 1] - place * (n + 1)) / np.sqrt(place * (n - place))
    return int(place[np.argmax(apart)])
