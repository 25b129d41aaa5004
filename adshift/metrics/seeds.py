"""Spread of a figure over runs that differ in their seed alone."""

import math
from collections.abc import Sequence
from typing import TypedDict

import numpy as np


class Spread(TypedDict):
    """`n` runs with the figure defined; their mean; sample standard deviation (n - 1); and the mean's t-interval."""

    n: int
    mean: float | None
    std: float | None
    low: float | None
    high: float | None


def aggregate(values: Sequence[float | None], level: float = 0.95) -> Spread:
    """Mean, sample standard deviation and Student's t-interval of the mean; None in `values` are left out.

    With one value there is no spread, with none no mean: None. The interval speaks of seeds, not of test images.
    """
    known = np.array([value for value in values if value is not None], np.float64)
    if not len(known):
        return Spread(n=0, mean=None, std=None, low=None, high=None)
    mean = float(known.mean())
    if len(known) == 1:
        return Spread(n=1, mean=mean, std=None, low=None, high=None)
    from scipy.stats import t

    std = float(known.std(ddof=1))
    half = float(t.ppf((1 + level) / 2, len(known) - 1)) * std / math.sqrt(len(known))
    return Spread(n=len(known), mean=mean, std=std, low=mean - half, high=mean + half)
