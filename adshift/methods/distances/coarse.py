"""Squared distances between rows from one matrix product of coarse rows, with sure bounds: what its forms share.

`coarse_floats` beside this rounds rows to float32 or bfloat16, `coarse_bytes` to int8.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adshift.methods.distances.huge_pages import Scratch

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SHAPE_STEP = 256
FEWEST = 32
WORTHWHILE = 1.4
"""How many times faster a coarser type's product must be, to be chosen."""
LAPS = 8
HOPELESS = 3.0
"""What takes this many times as long as the fastest runs no further lap: without units for them, int8 takes 30 times."""


@dataclass(frozen=True)
class CoarseRows:
    """Rows x rounded to x', as the left side of a product.

    Attributes:
        left_XK: the rounded rows, extended so that the product gives distances; there may be more than X, of any content
            (see ``padded``).
        norm_X: float32, what a form wants to know of the rows' lengths.
        error_X: at least |x - x'|, float32.
    """

    left_XK: Tensor
    norm_X: Tensor
    error_X: Tensor

    def at(self, rows_Y: Tensor, memory: Scratch) -> CoarseRows:
        """Some of the rows, put into memory of their type."""
        left_YK = memory.take(padded(len(rows_Y)), self.left_XK.shape[1])
        torch.index_select(self.left_XK, 0, rows_Y, out=left_YK[: len(rows_Y)])
        return CoarseRows(left_YK, self.norm_X.index_select(0, rows_Y), self.error_X.index_select(0, rows_Y))

    def part(self, start: int, stop: int) -> CoarseRows:
        """Rows start to stop, as views."""
        return CoarseRows(self.left_XK[start:stop], self.norm_X[start:stop], self.error_X[start:stop])


class CoarseForm(Protocol):
    """One way to round rows, and what entries of a product of such rows say about the true distances.

    Entries are integers that keep, within a row, the order of the rounded rows' distances. Every claim allows for the
    rounding of both sides.

    Attributes:
        row_type, entry_type: of the rows, and of the memory that products are written to.
        width: columns K of a row.
    """

    row_type: torch.dtype
    entry_type: torch.dtype
    width: int

    def empty(self, count: int) -> CoarseRows:
        """Memory for the rows that ``fill`` writes."""
        ...

    def fill(self, rows: CoarseRows, x_XP: Tensor) -> None:
        """Round float32 rows and extend them, in place."""
        ...

    def rows(self, x_XP: Tensor) -> CoarseRows:
        """Round float32 rows and extend them."""
        ...

    def right(self, rows: CoarseRows) -> Tensor:
        """The same rows as the right side of the product [Y, K]; from now on every claim allows for their rounding."""
        ...

    def product(self, left: CoarseRows, right_YK: Tensor, memory: Scratch) -> Tensor:
        """Entries [X, Y], in memory of ``entry_type``."""
        ...

    def at_most(self, entry_X: Tensor, left: CoarseRows) -> FloatArray:
        """For an entry a row, a distance that the true one behind it does not exceed."""
        ...

    def threshold(self, limit_X: FloatArray, left: CoarseRows) -> Tensor:
        """Integers that no entry exceeds whose true distance is at most its row's limit."""
        ...


def rounded_up(count: int, step: int) -> int:
    """The next multiple of the step."""
    return -(-count // step) * step


def padded(count: int) -> int:
    """A count rounded up: products of few shapes, as oneDNN plans every new one, which takes longer than many a product.

    Up to SHAPE_STEP a power of two, from FEWEST on; then a multiple of SHAPE_STEP.
    """
    if count > SHAPE_STEP:
        return rounded_up(count, SHAPE_STEP)
    return max(FEWEST, 1 << max(0, count - 1).bit_length())


def within(
    entry_XY: Tensor, threshold_X: Tensor, kept_XY: NDArray[np.bool_] | None = None
) -> tuple[IntArray, IntArray]:
    """Rows and columns of the entries that do not exceed their row's threshold, by row, then by column.

    ``kept_XY`` is memory to work in, for the CPU.
    """
    if entry_XY.device.type != "cpu":
        found = (entry_XY <= threshold_X.to(entry_XY.device)[:, None]).nonzero().cpu().numpy()
        return found[:, 0], found[:, 1]
    kept_XY = np.less_equal(entry_XY.numpy(), threshold_X.numpy()[:, None], out=kept_XY)
    return np.divmod(np.flatnonzero(kept_XY), max(1, entry_XY.shape[1]))


def coarse_type(device: torch.device) -> torch.dtype:
    """What rows are rounded to: on a CPU int8 or bfloat16 where their products are well faster, else float32."""
    return _fastest() if device.type == "cpu" else torch.float32


@cache
def _fastest() -> torch.dtype:
    types = [torch.float32, torch.bfloat16] + [torch.int8] * _bytes_are_exact()
    found, best = torch.float32, math.inf
    for dtype, seconds in zip(types, _shortest([_product_of(dtype) for dtype in types]), strict=True):
        if best > WORTHWHILE * seconds:
            found, best = dtype, seconds
    return found


def _product_of(dtype: torch.dtype) -> Callable[[], Tensor]:
    left, right = torch.ones(512, 256, dtype=dtype), torch.ones(1024, 256, dtype=dtype)
    if dtype == torch.int8:
        return partial(torch._int_mm, left, right.T, out=torch.zeros(512, 1024, dtype=torch.int32))
    return partial(torch.mm, left, right.T, out=torch.zeros(512, 1024, dtype=dtype))


def _shortest(actions: list[Callable[[], Tensor]]) -> list[float]:
    """Seconds of each action's shortest lap; they run in turns, so that a processor that slows down slows all of them."""
    shortest = [math.inf] * len(actions)
    for _ in range(LAPS):
        for i, action in enumerate(actions):
            if shortest[i] < HOPELESS * min(shortest) or shortest[i] == math.inf:
                started = time.perf_counter()
                action()
                shortest[i] = min(shortest[i], time.perf_counter() - started)
    return shortest


def _bytes_are_exact() -> bool:
    """Whether int8 products are there and sum without saturating: some processors add pairs of them in 16 bits."""
    if not hasattr(torch, "_int_mm"):
        return False
    signs = torch.tensor([1, -1], dtype=torch.int8).repeat(32)
    left = 127 * torch.stack([torch.ones_like(signs), -torch.ones_like(signs), signs]).repeat(11, 1)
    try:
        found = torch._int_mm(left, left.T.contiguous())
    except RuntimeError:  # not on this processor
        return False
    return torch.equal(found.long(), left.long() @ left.long().T)
