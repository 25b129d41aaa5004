"""How much the train images differ among themselves, and how far a correction may therefore be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

USUAL = 2.5
"""Standard deviations from the train set's middle up to which an image is as any train image, and is left alone."""


@dataclass(frozen=True)
class Spread:
    """Median and robust standard deviation (1.4826 x the median absolute deviation) of some quantities over the train set.

    Attributes:
        middle, width: Q values each; widths are > 0.
    """

    middle: tuple[float, ...]
    width: tuple[float, ...]

    @classmethod
    def of(cls, values_NQ: ArrayLike, floor: ArrayLike) -> Spread:
        """From N rows of Q quantities; ``floor`` [Q] bounds the widths from below, as with few train images."""
        rows = np.atleast_2d(np.asarray(values_NQ, np.float64))
        middle = np.median(rows, axis=0)
        width = np.maximum(1.4826 * np.median(np.abs(rows - middle), axis=0), floor)
        return cls(tuple(middle.tolist()), tuple(width.tolist()))

    def excess(self, values_Q: ArrayLike) -> NDArray[np.float64]:
        """How much of each value's deviation from the middle is not the train set's own spread.

        The deviation d times max(0, 1 - (USUAL w / d)^2): the positive-part shrinkage of James and Stein. It is 0 for an
        image like any train image, and nearly d for one far outside: a correction by it costs next to nothing on clean
        images.
        """
        deviation = np.asarray(values_Q, np.float64) - self.middle
        bound = USUAL * np.asarray(self.width)
        square = np.square(deviation)
        kept: NDArray[np.float64] = deviation * np.clip(1 - bound**2 / np.maximum(square, bound**2 * 1e-9), 0, None)
        return kept

    def usual(self, values_Q: ArrayLike) -> bool:
        """Whether every value lies within ``USUAL`` widths of the middle."""
        deviation = np.abs(np.asarray(values_Q, np.float64) - self.middle)
        return bool((deviation <= USUAL * np.asarray(self.width)).all())
