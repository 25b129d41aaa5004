"""The exact interval of a rate that was counted."""

import numpy as np

from adshift.errors import AdshiftError


def binomial_interval(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson interval of a binomial proportion: (low, high) in [0, 1], coverage at least `level`.

    For a realised false-alarm rate: `successes` false alarms among `n` test normals.
    Clopper and Pearson, Biometrika 1934.

    Raises:
        AdshiftError: n below 1, successes outside [0, n] or level outside (0, 1).

    Example:
        >>> low, high = binomial_interval(0, 41)
        >>> low, round(high, 4)
        (0.0, 0.086)
    """
    from scipy.special import betaincinv

    if n < 1:
        raise AdshiftError(f"n={n} must be at least 1; a rate over no images has no interval")
    if not 0 <= successes <= n:
        raise AdshiftError(f"successes={successes} must be in [0, {n}]; count them among the n")
    if not 0 < level < 1:
        raise AdshiftError(f"level={level} must be in (0, 1); 0.95 is the usual one")
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes == n else float(betaincinv(successes + 1, n - successes, 1 - tail))
    return low, high


def tolerance_rank(n: int, alpha: float, confidence: float) -> int:
    """The largest k for which a threshold just above the k-th largest of n scores keeps alpha with confidence; 0 for none.

    The rate above it of a new score is Beta(k, n + 1 - k) where scores are independent of one continuous distribution (with
    ties it is lower), and P(Beta(k, n + 1 - k) <= alpha) = P(Binomial(n, alpha) >= k): a one-sided tolerance limit (Wilks,
    Annals of Mathematical Statistics 1941).

    Args:
        n: scores, >= 1.
        alpha, confidence: in (0, 1).

    Example:
        >>> tolerance_rank(44, 0.05, 0.9), tolerance_rank(45, 0.05, 0.9)
        (0, 1)
    """
    from scipy.special import bdtrc

    reached = np.flatnonzero(bdtrc(np.arange(n), n, alpha) >= confidence)  # P(Binomial >= k + 1) for k = 0, 1, ...
    return int(reached[-1]) + 1 if reached.size else 0
