"""Runs compared figure by figure on the same test images: paired differences, and the share of a drop recovered."""

from collections.abc import Sequence

import numpy as np

from adshift.errors import AdshiftError
from adshift.metrics.resampling import Difference, Share, paired_difference, recovered_share
from adshift.metrics.summary import FIGURES, Figures

_NONE = np.array([])


def compare(a: Figures, b: Figures, names: Sequence[str] = FIGURES) -> dict[str, Difference]:
    """Paired differences a - b of the figures `names`.

    The test images must be the same and in the same order, which the caller sees to. Raises AdshiftError where the
    two were not resampled alike (other strata, seed, stream or number of replicates).
    """
    check_paired(a, b)
    return {
        name: paired_difference(
            a.point(name), b.point(name), a.replicates.get(name, _NONE), b.replicates.get(name, _NONE)
        )
        for name in names
    }


def recover(regime: Figures, none: Figures, clean: Figures, names: Sequence[str] = FIGURES) -> dict[str, Share]:
    """(regime - none) / (clean - none) of the figures `names`; images and errors as for `compare`."""
    check_paired(regime, none)
    check_paired(regime, clean)
    return {
        name: recovered_share(
            (regime.point(name), none.point(name), clean.point(name)),
            (
                regime.replicates.get(name, _NONE),
                none.replicates.get(name, _NONE),
                clean.replicates.get(name, _NONE),
            ),
        )
        for name in names
    }


def check_paired(a: Figures, b: Figures) -> None:
    """Raises AdshiftError where the two were not resampled alike."""
    if a.images != b.images:
        raise AdshiftError(
            f"resamples {a.images!r} and {b.images!r} differ; compare runs on the same images, seed and replicates"
        )
