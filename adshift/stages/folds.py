"""Which train images a cross-fitted model is fitted without."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adshift.calibration.crossfit import folds
from adshift.data.samples import Sample, unit_count, unit_numbers
from adshift.errors import AdshiftError


def assign_folds(samples: Sequence[Sample], k: int, seed: int, key: str = "crossfit") -> np.ndarray:
    """The fold of each sample, int64 [N]; every category is divided by itself, and no group is.

    Raises:
        AdshiftError: a category has fewer than k images, or groups of them; ``key`` is what asked for k.
    """
    fold_N = np.empty(len(samples), np.int64)
    categories = np.array([sample.category for sample in samples])
    for category in np.unique(categories):
        places = np.flatnonzero(categories == category)
        own = [samples[int(i)] for i in places]
        count = unit_count(own)
        if count < k:
            what = "train images" if count == len(places) else f"groups among the {len(places)} train images"
            less = f"use {key}={count} or less" if count > 1 else "group them otherwise (data.groups)"
            remedy = "use crossfit=0, for no threshold" if count == 1 and key == "crossfit" else less
            raise AdshiftError(f"{key}={k} needs {k} {what} of {category}, which has {count}; {remedy}, or add images")
        fold_N[places] = folds(count, k, seed)[unit_numbers(own)]
    return fold_N
