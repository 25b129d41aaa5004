"""Views of a square image: its eight symmetries, from each of which an anomaly map is brought back exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class View:
    """A symmetry of the square. Pixels change their places and nothing else: no value is interpolated.

    Attributes:
        name: what the configuration calls it.
        mirrored: whether left and right are exchanged, first.
        quarters: quarter turns counterclockwise, then; in [0, 3].
    """

    name: str
    mirrored: bool = False
    quarters: int = 0

    def seen(self, pixels: NDArray[T], axes: tuple[int, int]) -> NDArray[T]:
        """The pixels as this view shows them.

        Args:
            pixels: square images or maps, of any shape and type.
            axes: which of its axes are height and width, of one length.

        Returns:
            Of the same shape; it shares the memory of ``pixels``.
        """
        mirrored: NDArray[Any] = np.flip(pixels, axes[1]) if self.mirrored else pixels
        return np.rot90(mirrored, self.quarters, axes)

    def undone(self, pixels: NDArray[T], axes: tuple[int, int]) -> NDArray[T]:
        """The inverse of ``seen``: what was found in the view, at its places on the image."""
        turned: NDArray[Any] = np.rot90(pixels, -self.quarters, axes)
        return np.flip(turned, axes[1]) if self.mirrored else turned


IDENTITY = View("identity")
VIEWS = {
    view.name: view
    for view in (
        IDENTITY,
        View("rot90", quarters=1),
        View("rot180", quarters=2),
        View("rot270", quarters=3),
        View("hflip", mirrored=True),
        View("transpose", mirrored=True, quarters=1),  # rows become columns
        View("vflip", mirrored=True, quarters=2),
        View("transverse", mirrored=True, quarters=3),  # mirrored at the other diagonal
    )
}
"""Every symmetry by its name."""
