"""Conformal risk control of the area: how much of a good image is outlined, on average."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from adshift.calibration.calibration import Calibration
from adshift.calibration.scores import exact, just_above, smallest_n
from adshift.errors import AdshiftError

KIND = "area"


@dataclass(frozen=True)
class GoodPixels:
    """The pixel scores of N good images, sorted once: thresholds of all of them, or without a series, by bisection.

    Attributes:
        pixels_N: of each image, ascending.
        group_N: the series of each, 0 to K - 1.
        values_V: the distinct scores of all, ascending.
    """

    pixels_N: tuple[NDArray[np.float32], ...]
    group_N: NDArray[np.int64]
    values_V: NDArray[np.float32]

    @classmethod
    def of(cls, maps: Sequence[NDArray[np.float32]], groups_N: NDArray[np.int64] | None = None) -> GoodPixels:
        """Those of N anomaly maps of any shapes.

        Args:
            maps: raw distances, all finite.
            groups_N: whole numbers that pictures of one series share; None where each is its own.

        Raises:
            AdshiftError: there is no map.
        """
        if not maps:
            raise AdshiftError("0 good calibration images, at least 1 needed; hold out good images for calibration")
        pixels_N = tuple(np.sort(m, axis=None) for m in maps)
        groups = np.arange(len(maps)) if groups_N is None else np.unique(groups_N, return_inverse=True)[1]
        return cls(pixels_N, groups.astype(np.int64), np.unique(np.concatenate(pixels_N)))

    @property
    def count(self) -> int:
        """K, the number of series."""
        return int(self.group_N.max()) + 1

    def above(self, image: int, score: float) -> int:
        """How many of an image's pixels lie over a score."""
        pixels = self.pixels_N[image]
        return len(pixels) - int(np.searchsorted(pixels, score, side="right"))


def bounded_area(good: GoodPixels, alpha: float, left_out: int | None = None) -> Calibration:
    """The smallest threshold with E[share of a new good image's pixels at or over it] <= alpha.

    The loss of an image at a threshold just above the score v is the share of its pixels over v: at most 1, falling and
    continuous from the right in v. Conformal risk control takes the smallest v with

        n / (n + 1) mean(loss) + 1 / (n + 1) <= alpha

    and the bound holds for a new good image that is exchangeable with these n, over both. The sums are exact (fractions).
    Where n < 1 / alpha - 1 no finite threshold has the promise: it is then just above the largest pixel score, which
    promises 1 / (n + 1), and a warning says which n is needed.

    In series each counts as one by its mean loss, n is their number, and the promise is about an image of a new one.

    Source: Angelopoulos, Bates, Fisch, Lei, Schuster, Conformal Risk Control, ICLR 2024, theorem 1.

    Args:
        good: the images.
        alpha: in (0, 1).
        left_out: the series that takes no part; there must be another.
    """
    members = [np.flatnonzero(good.group_N == unit) for unit in range(good.count) if unit != left_out]
    n, images = len(members), sum(map(len, members))
    parameters: dict[str, float | int | str] = {"alpha": float(alpha), **({"groups": n} if n < images else {})}
    bound = exact(alpha) * (n + 1) - 1
    if bound < 0:
        largest = max(float(good.pixels_N[i][-1]) for unit in members for i in unit)
        told = f"{n} groups of {images} normals" if n < images else f"{images} normals"
        warning = (
            f"{KIND}: {told} cannot promise alpha={alpha:g}, at least {smallest_n(alpha) - 1} needed; the threshold is "
            f"just above the largest pixel score and promises 1/{n + 1} = {1 / (n + 1):.4g}"
        )
        return Calibration(KIND, parameters, just_above(largest, good.values_V), images, 1 / (n + 1), (warning,))

    images_of: dict[int, list[int]] = {}
    for unit in members:
        for i in unit.tolist():
            images_of.setdefault(len(unit) * len(good.pixels_N[i]), []).append(i)

    def holds(score: float) -> bool:
        """Whether the losses sum up to no more: a pixel weighs 1 / (pixels of its image x images of its series)."""
        over = (Fraction(sum(good.above(i, score) for i in part), weight) for weight, part in images_of.items())
        return sum(over, Fraction(0)) <= bound

    lowest = good.values_V[bisect_left(good.values_V, True, key=holds)]
    return Calibration(KIND, parameters, just_above(float(lowest), good.values_V), images, float(alpha))
