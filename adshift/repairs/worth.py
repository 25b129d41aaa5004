"""Which repair is worth it: the rule alone, apart from where its figures come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adshift.metrics.resampling import Difference


@dataclass(frozen=True)
class Candidate:
    """A repair with its cost, its paired difference to no repair at all, and what becomes of the promise.

    Attributes:
        name: of the regime.
        images: target images that it needs; None where unknown, which counts as the dearest.
        seconds: what it takes beyond a clean fit; None as for ``images``.
        gain: repair - none, in the figure in question.
        broken: whether its false alarms are shown to break their promise (``promise_broken``).
    """

    name: str
    images: float | None
    seconds: float | None
    gain: Difference
    broken: bool | None = None


@dataclass(frozen=True)
class Choice:
    """The repair to take and the best one by its estimate; both None where none is shown to help.

    Attributes:
        worse: the repairs that are shown to do harm.
        aside: those that help and cost less than the one taken, and are shown to be worse than the best, or were not
            compared with it.
        nothing_to_do: no repair is taken and none is called for; where it is False without a repair, it cannot be told.
    """

    taken: Candidate | None
    best: Candidate | None
    worse: tuple[str, ...]
    nothing_to_do: bool = False
    aside: tuple[str, ...] = ()


def cost(images: float | None, seconds: float | None) -> tuple[float, float]:
    """Target images first, then seconds; what is unknown is the dearest."""
    return math.inf if images is None else images, math.inf if seconds is None else seconds


def promise_broken(promised: float | None, exact: Sequence[float] | None) -> bool | None:
    """Whether the exact interval of the realised false-alarm rate lies above the promised rate; None without either."""
    return None if promised is None or exact is None else exact[0] > promised


def choose(
    candidates: Sequence[Candidate],
    gap: Callable[[str, str], Difference | None],
    loss: Difference | None,
    broken: bool | None,
) -> Choice:
    """The cheapest repair that is shown to help and not shown to be worse than the best of those.

    Shown to help: the interval of its gain lies above 0. Best: the largest gain of those. A repair is set aside where
    the interval of ``gap(repair, best)`` lies below 0, or where there is none: as good as the best is said only of what
    was compared with it. A shown gain is taken whether or not a loss is shown, and also where the repair breaks its
    promise: the figure is another, and ``taken.broken`` tells.

    Where none is shown to help, there is nothing to do if no loss is shown and no promise is shown to be broken. A loss
    that was not measured, or has no interval, is not one that is not shown: then it cannot be told.

    Args:
        candidates: the repairs; one without an interval is never taken, of equally dear ones the first is.
        gap: the paired difference of two repairs by their names; None where they cannot be paired.
        loss: clean - shifted without repair, in the figure in question; None where it was not measured.
        broken: whether the false alarms without repair are shown to break their promise.
    """
    worse = tuple(c.name for c in candidates if c.gain.below)
    helps = [c for c in candidates if c.gain.above]
    if not helps:
        lossless = loss is not None and loss.interval is not None and not loss.above
        return Choice(None, None, worse, nothing_to_do=lossless and not broken)
    best = max(helps, key=lambda c: c.gain.estimate or 0.0)
    as_good = [c for c in helps if c is best or _not_below(gap(c.name, best.name))]
    taken = min(as_good, key=lambda c: cost(c.images, c.seconds))
    aside = [
        c.name for c in helps if c not in as_good and cost(c.images, c.seconds) < cost(taken.images, taken.seconds)
    ]
    return Choice(taken, best, worse, aside=tuple(aside))


def _not_below(difference: Difference | None) -> bool:
    return difference is not None and difference.interval is not None and not difference.below
