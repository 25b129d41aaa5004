"""All parts of a line in a bounded number of stretches, whose extremes and counts are exact."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from adshift.watch.book import Book

QUERY = """
    SELECT epoch, min(number) AS first, max(number) AS last, count(*) AS parts, sum(error != '') AS unread,
        count(decision) AS decided, coalesce(sum(decision), 0) AS anomalous, count(score) AS scored, total(score) AS sum,
        min(score) AS low, max(score) AS high, max(level) AS level, max(judged) AS until
    FROM parts WHERE number BETWEEN ? AND ? GROUP BY {by} ORDER BY first"""


@dataclass(frozen=True)
class Stretch:
    """Parts that follow each other, of one epoch.

    Attributes:
        epoch: theirs.
        first, last: their numbers.
        parts: how many; ``unread`` of them have no score, ``decided`` a verdict, ``anomalous`` that one.
        scored: how many have a score; ``sum`` is the scores' sum.
        low, high: the extreme scores; None where there is none.
        level: the strongest evidence of change; None where there is none.
        until: when the last of them was judged; seconds since 1970.
    """

    epoch: int
    first: int
    last: int
    parts: int
    unread: int
    decided: int
    anomalous: int
    scored: int
    sum: float
    low: float | None
    high: float | None
    level: float | None
    until: float

    @property
    def mean(self) -> float | None:
        """Of the scores; None where there is none."""
        return self.sum / self.scored if self.scored else None

    @property
    def middle(self) -> float:
        """Halfway between its first and its last number."""
        return (self.first + self.last) / 2


def united(stretches: Iterable[Stretch]) -> Stretch:
    """Neighbours of one epoch as one; at least one, in order."""
    every = list(stretches)
    if len(every) == 1:
        return every[0]
    return Stretch(
        epoch=every[0].epoch,
        first=every[0].first,
        last=every[-1].last,
        parts=sum(s.parts for s in every),
        unread=sum(s.unread for s in every),
        decided=sum(s.decided for s in every),
        anomalous=sum(s.anomalous for s in every),
        scored=sum(s.scored for s in every),
        sum=sum(s.sum for s in every),
        low=min(known(s.low for s in every), default=None),
        high=max(known(s.high for s in every), default=None),
        level=max(known(s.level for s in every), default=None),
        until=max(s.until for s in every),
    )


def known(values: Iterable[float | None]) -> list[float]:
    """Those that are there."""
    return [value for value in values if value is not None]


class History:
    """The stretches of a data base, kept between two looks, so that only the parts that came since are read.

    A stretch spans a power of two of numbers, the smallest with which there are at most ``places``; where a new epoch
    begins it is parted, so that there may be one more for each epoch.

    Args:
        places: stretches at most, at least 1.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._width = 1
        self._kept: list[Stretch] = []

    def follow(self, book: Book) -> list[Stretch]:
        """All stretches to the last part, in order."""
        last = book.last_number()
        while (last - 1) // self._width >= self._places:
            self._width *= 2
        width = self._width
        kept = [united(group) for _, group in groupby(self._kept, lambda s: ((s.first - 1) // width, s.epoch))]
        begin = (kept[-1].last - 1) // width * width + 1 if kept else 1  # the last stretch may have grown
        self._kept = [s for s in kept if s.first < begin] + read(book, begin, last, width)
        return list(self._kept)


def read(book: Book, first: int, last: int, width: int = 1) -> list[Stretch]:
    """The parts ``first`` to ``last`` in stretches of up to ``width`` numbers that begin at ``first``."""
    if width == 1:
        return [Stretch(**dict(row)) for row in book.query(QUERY.format(by="number"), (first, last))]
    return [
        Stretch(**dict(row))
        for begin in range(first, last + 1, width)
        for row in book.query(QUERY.format(by="epoch"), (begin, min(begin + width - 1, last)))
    ]
