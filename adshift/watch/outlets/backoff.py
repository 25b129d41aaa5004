"""How long to wait before a try that may fail again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Each wait twice the one before, up to a bound, and up to half of it left out at random.

    So several watches do not ask a receiver that is back all at once (M. Brooker, "Exponential backoff and jitter", 2015).

    Attributes:
        first: seconds before the second try.
        most: seconds, at most.
    """

    first: float = 0.5
    most: float = 30.0

    def wait(self, failed: int) -> float:
        """Seconds to wait after so many tries in a row that failed; ``failed`` from 1.

        >>> [Backoff(first=0.5, most=30).wait(n) <= bound for n, bound in ((1, 0.5), (3, 2.0), (9999, 30.0))]
        [True, True, True]
        """
        whole = min(self.most, self.first * 2.0 ** min(failed - 1, 64))
        return whole * random.uniform(0.5, 1.0)
