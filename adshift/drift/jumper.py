"""A bet against a stream of p-values: its capital grows where they are not uniform, and rarely otherwise."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

JUMP = 0.01
"""Share of the capital that is spread over the bets anew before each p-value."""
LATER = 0.5
"""Share of the capital that is not bet at the start: a change that comes late meets money that was not lost until then."""
PACE = 100
"""p-values after which the rest that waits begins to be bet."""


def waiting(later: float, step: int) -> float:
    """How much of the starting capital waits after ``step`` p-values; it never grows, and falls to 0 in the end.

    >>> [round(waiting(0.5, t), 3) for t in (0, 100, 10_000, 10**9)]
    [0.5, 0.295, 0.089, 0.029]
    """
    return later / (1.0 + math.log1p(step / PACE))


@dataclass
class Jumper:
    """The simple jumper martingale, with a part of its capital put in bit by bit.

    While p-values are independent and uniform on (0, 1), the capital is a martingale that starts at 1, so that the
    probability that it ever reaches c is at most 1/c, however long the stream. The plain jumper (``later=0``) loses about
    0.4 % a p-value of what it holds while nothing happens, and after thousands could not see a change; therefore a part of
    the capital waits, and is bet over time: the capital is then a weighted sum of jumpers that begin at every step, one
    martingale like each of them.

    Attributes:
        later: share of the capital that waits at the start, in [0, 1).
        log_bet: logarithm of what is bet.
        shares: of it on small p-values, on nothing, and on large ones (slopes -1, 0 and 1).
        steps: p-values so far.

    Source: Vovk, Petej, Nouretdinov, Ahlberg, Carlsson, Gammerman, Retrain or not retrain: conformal test martingales for
    change-point detection, COPA 2021, algorithm 1; Ville's inequality. The spread over starting times follows Shiryaev's
    and Roberts's sum; as its weights sum to 1, the promise is one over the whole stream.

    >>> jumper = Jumper(later=0.0)
    >>> for p in (0.1, 0.05, 0.2, 0.01):
    ...     jumper.update(p)
    >>> round(jumper.log_capital, 3)
    0.514
    """

    later: float = LATER
    log_bet: float = field(default=math.nan)
    shares: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)
    steps: int = 0

    def __post_init__(self) -> None:
        if math.isnan(self.log_bet):
            self.log_bet = math.log1p(-self.later)

    def update(self, p_value: float) -> None:
        """Bet on a p-value in [0, 1]."""
        small, nothing, large = self.shares
        if self.steps and self.later:
            new = waiting(self.later, self.steps - 1) - waiting(self.later, self.steps)
            added = new * math.exp(-self.log_bet)  # in equal parts to every bet
            rest = 1.0 / (1.0 + added)
            small, nothing, large = ((share + added / 3) * rest for share in self.shares)
            self.log_bet += math.log1p(added)
        edge = p_value - 0.5
        small = ((1.0 - JUMP) * small + JUMP / 3) * (1.0 - edge)
        nothing = (1.0 - JUMP) * nothing + JUMP / 3
        large = ((1.0 - JUMP) * large + JUMP / 3) * (1.0 + edge)
        total = small + nothing + large
        self.shares = (small / total, nothing / total, large / total)
        self.log_bet += math.log(total)
        self.steps += 1

    @property
    def log_capital(self) -> float:
        """Natural logarithm of the martingale: what is bet and what waits."""
        rest = waiting(self.later, max(self.steps - 1, 0))
        return log_sum(self.log_bet, math.log(rest)) if rest > 0.0 else self.log_bet


def log_sum(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    high, low = max(a, b), min(a, b)
    return high + math.log1p(math.exp(low - high))
