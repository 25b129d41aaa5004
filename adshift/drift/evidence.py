"""The evidence of several streams side by side, weighted so that the alarm's promise holds for all together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from adshift.drift.jumper import Jumper
from adshift.drift.ranks import Ranks, uniform


@dataclass(frozen=True)
class Stream:
    """One quantity that is followed.

    Attributes:
        name: of it.
        weight: its share of the permitted probability of a false alarm, in (0, 1]; those of all streams sum to at most 1.
    """

    name: str
    weight: float


class Evidence:
    """Sequential tests of exchangeability, one a stream, and whether any of them has reached its limit.

    A stream's capital (``Jumper``) reaches 1 / (delta x weight) with probability at most delta x weight while its numbers
    are exchangeable, those it began with included; so any of them does with probability at most delta, whatever the
    streams have to do with each other (a union bound; a sum of the capitals would be a martingale only if they were
    independent). ``limit`` and ``level`` are on the scale where this is one limit for all: log(weight x capital).

    Args:
        streams: what is followed, in the order of the numbers given later.
        delta: probability of an alarm that is false, over the whole stream, in (0, 1).
        seed: of the random tie-breaks; every part of every stream has its own (``uniform``).
    """

    def __init__(self, streams: Sequence[Stream], delta: float, seed: int = 0) -> None:
        self.streams = tuple(streams)
        self.delta = delta
        self.seed = seed
        self._log_weight = [math.log(stream.weight) for stream in self.streams]
        self.ranks = [Ranks() for _ in self.streams]
        self.jumpers = [Jumper() for _ in self.streams]

    @property
    def limit(self) -> float:
        """What a level must reach for an alarm: log(1 / delta)."""
        return -math.log(self.delta)

    def learn(self, stream: int, values: Iterable[float]) -> None:
        """Numbers that a stream begins with: what is usual. Those that are not finite are left out."""
        for value in values:
            if math.isfinite(value):
                self.ranks[stream].add(value)

    def update(self, number: int, values: Sequence[float]) -> dict[int, int]:
        """A part of the line: one number a stream; one that is not finite says nothing of its stream.

        Args:
            number: of the part, counted without gaps or with; it seeds the tie-breaks.
            values: as many as streams.

        Returns:
            stream -> key of the number that joined its ranks (``adshift.drift.ranks.key_of``).
        """
        joined = {}
        for i, value in enumerate(values):
            if math.isfinite(value):
                self.jumpers[i].update(self.ranks[i].p_value(value, uniform(self.seed, i, number)))
                joined[i] = self.ranks[i].add(value)
        return joined

    def levels(self) -> tuple[float, ...]:
        """Every stream's evidence: log(weight x capital)."""
        return tuple(w + jumper.log_capital for w, jumper in zip(self._log_weight, self.jumpers, strict=True))

    def level(self) -> float:
        """The strongest stream's evidence."""
        return max(self.levels())

    def over(self) -> tuple[int, ...]:
        """The streams that have reached the limit, the strongest first."""
        levels = self.levels()
        return tuple(sorted((i for i, e in enumerate(levels) if e >= self.limit), key=lambda i: -levels[i]))

    def restore(self, ranks: Mapping[int, Ranks], jumpers: Mapping[int, Jumper]) -> None:
        """Go on where ``ranks`` and ``jumpers`` were left."""
        for i in range(len(self.streams)):
            self.ranks[i] = ranks.get(i, Ranks())
            self.jumpers[i] = jumpers.get(i, Jumper())
