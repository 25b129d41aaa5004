"""Parts that come in series: of each series the evidence takes one part, drawn at random as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adshift.drift.ranks import uniform

DRAW = 2**32
"""In the place of a stream's number, so that the draw has random numbers of its own."""

Taken = tuple[int, tuple[float, ...]]
"""The number of a part, and its values."""


@dataclass
class Pool:
    """The series that is under way, and the part of it that will count.

    Parts of one series are alike, so that they are not exchangeable with those of others; one part of every series is, if
    series are. It is drawn uniformly while the series comes (reservoir sampling), and counts once the next one begins: an
    alarm is as much later as the series is long.

    Attributes:
        seed: of the draws.
        group: of the series; empty for none.
        count: its parts so far.
        drawn: the part that counts if it ends here.

    Source: Vitter, Random sampling with a reservoir, ACM Transactions on Mathematical Software 1985 (algorithm R); one
    observation a group: Dunn, Wasserman, Ramdas, JASA 2023.
    """

    seed: int
    group: str = ""
    count: int = 0
    drawn: Taken = field(default=(0, ()))

    def take(self, number: int, group: str, values: Sequence[float]) -> list[Taken]:
        """A part of the line.

        Args:
            number: of the part.
            group: of its series; empty where it is one by itself, which counts at once.
            values: one a stream.

        Returns:
            what counts now, in order: the drawn part of the series that it ends, and itself if it is one by itself.
        """
        if group and group == self.group:
            self.count += 1
            if uniform(self.seed, DRAW, number) * self.count < 1:
                self.drawn = (number, tuple(values))
            return []
        ended = [self.drawn] if self.group else []
        self.group, self.count = group, int(bool(group))
        self.drawn = (number, tuple(values)) if group else (0, ())
        return ended if group else [*ended, (number, tuple(values))]
