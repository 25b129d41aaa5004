"""Which repair is worth it: the rule alone, apart from where its figures come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adshift.metrics.resampling import Difference


@dataclass(frozen=True)
class Candidate:
    """A repair with its cost and its paired difference to no repair at all.

    Attributes:
        name: of the regime.
        images: target images that it needs; None where unknown, which counts as the dearest.
        seconds: what it takes beyond a clean fit; None as for ``images``.
        gain: repair - none, in the figure in question.
    """

    name: str
    images: float | None
    seconds: float | None
    gain: Difference


@dataclass(frozen=True)
class Verdict:
    """The repair to take and the best one by its estimate; both None where none is shown to help.

    ``worse`` names the repairs that are shown to do harm.
    """

    taken: Candidate | None
    best: Candidate | None
    worse: tuple[str, ...]


def cost(candidate: Candidate) -> tuple[float, float]:
    """Target images first, then seconds."""
    images, seconds = candidate.images, candidate.seconds
    return math.inf if images is None else images, math.inf if seconds is None else seconds


def recommend(candidates: Sequence[Candidate], gap: Callable[[str, str], Difference | None]) -> Verdict:
    """The cheapest repair that is shown to help and not shown to be worse than the best of those.

    Shown to help: the interval of its gain lies above 0. Best: the largest gain of those. A repair is set aside where
    the interval of ``gap(repair, best)`` lies below 0, or where the two cannot be paired.

    Args:
        candidates: the repairs; one without an interval is never taken.
        gap: the paired difference of two repairs by their names; None where they cannot be paired.
    """
    worse = tuple(c.name for c in candidates if c.gain.interval is not None and c.gain.interval[1] < 0)
    helps = [c for c in candidates if c.gain.interval is not None and c.gain.interval[0] > 0]
    if not helps:
        return Verdict(None, None, worse)
    best = max(helps, key=lambda c: c.gain.estimate or 0.0)
    as_good = [c for c in helps if c is best or _not_below(gap(c.name, best.name))]
    return Verdict(min(as_good, key=cost), best, worse)


def _not_below(difference: Difference | None) -> bool:
    return difference is not None and difference.interval is not None and difference.interval[1] >= 0
