"""Conformal risk control of the area: how much of a good image is outlined, on average."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from adshift.calibration.calibration import Calibration
from adshift.calibration.scores import just_above, smallest_n
from adshift.errors import AdshiftError

KIND = "area"


@dataclass(frozen=True)
class GoodPixels:
    """The pixel scores of N good images, sorted once: thresholds of any part of them are found by bisection.

    Attributes:
        pixels_N: of each image, ascending.
        values_V: the distinct scores of all, ascending.
    """

    pixels_N: tuple[NDArray[np.float32], ...]
    values_V: NDArray[np.float32]

    @classmethod
    def of(cls, maps: Sequence[NDArray[np.float32]]) -> GoodPixels:
        """Those of N anomaly maps, each of any shape.

        Raises:
            AdshiftError: there is none.
        """
        if not maps:
            raise AdshiftError("0 good calibration images, at least 1 needed; hold out good images for calibration")
        pixels_N = tuple(np.sort(m, axis=None) for m in maps)
        return cls(pixels_N, np.unique(np.concatenate(pixels_N)))

    def above(self, image: int, score: float) -> Fraction:
        """The share of an image's pixels over a score."""
        pixels = self.pixels_N[image]
        return Fraction(len(pixels) - int(np.searchsorted(pixels, score, side="right")), len(pixels))


def bounded_area(
    good: GoodPixels, alpha: float, keep: Sequence[int] | None = None, groups_N: NDArray[np.int64] | None = None
) -> Calibration:
    """The smallest threshold with E[share of a new good image's pixels at or over it] <= alpha.

    The loss of an image at a threshold just above the score v is the share of its pixels over v: at most 1, falling and
    continuous from the right in v. Conformal risk control takes the smallest v with

        n / (n + 1) mean(loss) + 1 / (n + 1) <= alpha

    and the bound holds for a new good image that is exchangeable with these n, over both. The sums are exact (fractions).
    Where n < 1 / alpha - 1 no finite threshold has the promise: it is then just above the largest pixel score, which
    promises 1 / (n + 1), and a warning says which n is needed.

    Under groups a group's mean loss counts as one, n is the number of groups, and the promise is about a new one's images.

    Source: Angelopoulos, Bates, Fisch, Lei, Schuster, Conformal Risk Control, ICLR 2024, theorem 1.

    Args:
        good: of all images.
        alpha: in (0, 1).
        keep: the images that take part; all where None.
        groups_N: of all images, ints that pictures of one series share; None where each is its own.
    """
    kept = range(len(good.pixels_N)) if keep is None else keep
    series: dict[int, list[int]] = {}
    for image in kept:
        series.setdefault(image if groups_N is None else int(groups_N[image]), []).append(image)
    n = len(series)
    bound = Fraction(repr(float(alpha))) * (n + 1) - 1
    parameters: dict[str, float | int | str] = {"alpha": float(alpha)}
    if bound < 0:
        largest = max(good.pixels_N[image][-1] for image in kept)
        warning = (
            f"area: {n} good {'images' if groups_N is None else 'groups'} cannot promise alpha={alpha:g}, at least "
            f"{smallest_n(alpha) - 1} needed; the threshold is just above the largest pixel score and promises "
            f"1/{n + 1} = {1 / (n + 1):.4g}"
        )
        return Calibration(KIND, parameters, just_above(largest, good.values_V), n, 1 / (n + 1), (warning,))

    def holds(score: float) -> bool:
        losses = (sum(good.above(i, score) for i in images) / Fraction(len(images)) for images in series.values())
        return sum(losses) <= bound

    lowest = good.values_V[bisect_left(good.values_V, True, key=holds)]
    return Calibration(KIND, parameters, just_above(float(lowest), good.values_V), n, float(alpha))
