"""Which train images a cross-fitted model is fitted without."""

from __future__ import annotations

import numpy as np

from adshift.calibration.crossfit import folds
from adshift.data.samples import Sample
from adshift.errors import AdshiftError


def assign_folds(samples: tuple[Sample, ...], k: int, seed: int) -> np.ndarray:
    """The fold of each sample, int64 [N]; every category is divided by itself.

    Raises:
        AdshiftError: a category has fewer than k images.
    """
    fold_N = np.empty(len(samples), np.int64)
    categories = np.array([sample.category for sample in samples])
    for category in np.unique(categories):
        places = np.flatnonzero(categories == category)
        if len(places) < k:
            remedy = f"use crossfit={len(places)} or less" if len(places) > 1 else "use crossfit=0, for no threshold"
            raise AdshiftError(
                f"crossfit={k} needs {k} train images of {category}, which has {len(places)}; {remedy}, or add images"
            )
        fold_N[places] = folds(len(places), k, seed)
    return fold_N
