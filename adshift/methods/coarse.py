"""Squared distances between rows from one matrix product, in bfloat16 where the CPU is fast at it, with sure bounds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adshift.methods.rounding import distance_slack

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

WORTHWHILE = 1.5
SHAPE_STEP = 256
_INTEGERS = {torch.bfloat16: torch.int16, torch.float32: torch.int32}


@dataclass(frozen=True)
class CoarseRows:
    """Rows x rounded to x', as the left side of a product that gives squared distances.

    With n = |x'|^2 a row is (x', n, 1), and the other side's is (-2 x', 1, n): their dot product is |x' - y'|^2. In
    bfloat16 n is the sum of three numbers, which together have float32's digits.

    Attributes:
        left_XK: the extended rows, bfloat16 or float32; there may be more than X, of any content (see ``padded``).
        norm_X: |x|, float32.
        error_X: at least |x - x'|, float32.
    """

    left_XK: Tensor
    norm_X: Tensor
    error_X: Tensor

    def at(self, rows_Y: Tensor) -> CoarseRows:
        """Some of the rows."""
        left_YK = self.left_XK.new_empty(padded(len(rows_Y)), self.left_XK.shape[1])
        torch.index_select(self.left_XK, 0, rows_Y, out=left_YK[: len(rows_Y)])
        return CoarseRows(left_YK, self.norm_X.index_select(0, rows_Y), self.error_X.index_select(0, rows_Y))

    def part(self, start: int, stop: int) -> CoarseRows:
        """Rows start to stop, as views."""
        return CoarseRows(self.left_XK[start:stop], self.norm_X[start:stop], self.error_X[start:stop])

    def relative_error(self) -> float:
        """The largest error of a row in relation to its length."""
        shortest_X = self.norm_X - 2 * self.error_X
        return float((self.error_X / shortest_X.clamp_min(torch.finfo(torch.float32).tiny)).amax())

    def right(self) -> Tensor:
        """The same rows as the right side of the product."""
        pieces = pieces_of(self.left_XK.dtype)
        dim = self.left_XK.shape[1] - 2 * pieces
        body, norms, ones = self.left_XK[: len(self.norm_X)].split([dim, pieces, pieces], dim=1)
        return torch.cat([body * -2, ones, norms], 1)


def padded(count: int) -> int:
    """A count rounded up: products of few shapes, as oneDNN plans every new one, which takes longer than many a product."""
    return -(-count // SHAPE_STEP) * SHAPE_STEP


def pieces_of(dtype: torch.dtype) -> int:
    """How many numbers a squared norm is stored in."""
    return 3 if dtype == torch.bfloat16 else 1


def empty_rows(count: int, dim: int, dtype: torch.dtype, device: torch.device | None = None) -> CoarseRows:
    """Memory for the rows that ``fill_rows`` writes."""
    left_XK = torch.empty(padded(count), dim + 2 * pieces_of(dtype), dtype=dtype, device=device)
    return CoarseRows(left_XK, torch.empty(count, device=device), torch.empty(count, device=device))


def fill_rows(rows: CoarseRows, x_XP: Tensor) -> None:
    """Round float32 rows and extend them, in place."""
    dim, left_XK = x_XP.shape[1], rows.left_XK[: len(x_XP)]
    dtype = left_XK.dtype
    body = left_XK[:, :dim]
    body.copy_(x_XP)
    rounded = x_XP if dtype == torch.float32 else body.float()
    rest = squared_X = rounded.square().sum(1)
    for column in range(dim, dim + pieces_of(dtype)):
        left_XK[:, column] = rest
        rest = rest - left_XK[:, column].float()
    left_XK[:, dim + pieces_of(dtype) :] = 1
    torch.sqrt(squared_X, out=rows.norm_X)
    rows.error_X.zero_()
    if dtype != torch.float32:
        rows.error_X.copy_(torch.linalg.vector_norm(x_XP - rounded, dim=1) * 1.001)
        rows.norm_X.add_(rows.error_X)


def coarse_rows(x_XP: Tensor, dtype: torch.dtype) -> CoarseRows:
    """Round float32 rows and extend them."""
    rows = empty_rows(len(x_XP), x_XP.shape[1], dtype, x_XP.device)
    fill_rows(rows, x_XP)
    return rows


def coarse_type(device: torch.device) -> torch.dtype:
    """bfloat16 where its products are measured to be well faster than float32's on this CPU, else float32."""
    return torch.bfloat16 if device.type == "cpu" and _half_is_faster() else torch.float32


@cache
def _half_is_faster() -> bool:
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        left, right = torch.ones(512, 96, dtype=dtype), torch.ones(1024, 96, dtype=dtype)
        out = torch.empty(512, 1024, dtype=dtype)
        laps = []
        for _ in range(6):
            started = time.perf_counter()
            torch.mm(left, right.T, out=out)
            laps.append(time.perf_counter() - started)
        seconds[dtype] = min(laps)
    return seconds[torch.float32] > WORTHWHILE * seconds[torch.bfloat16]


class CoarseBounds:
    """What a coarse product says about true distances, and how a true limit is looked for in it.

    Let v be an entry of the product and d the true distance of its rows x and y. Rounding a row moves it by at most
    error_x, and by at most `relative` |y|, where |y| <= |x| + d. The product's sums err as float32 sums do
    (`distance_slack`, doubled, as some units round them less well); its entries are rounded to its type last, which is
    relative to the entry.

    Args:
        dim: terms of a dot product.
        dtype: of the product.
        device: where it is taken.
        relative: at least error_y / |y| of every row on the right side.
    """

    def __init__(self, dim: int, dtype: torch.dtype, device: torch.device, relative: float) -> None:
        self._dtype = dtype
        self._relative = relative
        self._slack = 2 * distance_slack(dim, device)
        self._rounding = 2.0**-7 if dtype == torch.bfloat16 else 2.0**-22

    def product(self, left: CoarseRows, right_YK: Tensor, out: Tensor) -> Tensor:
        """All squared distances of two sides as integers; ``out`` is memory for them, flat, of the product's type.

        The integers are the entries in the same memory: those that are not negative keep their order, others are below.
        They are compared several times faster than bfloat16.
        """
        shape = (len(left.left_XK), len(right_YK))
        entries = torch.mm(left.left_XK, right_YK.T, out=out[: shape[0] * shape[1]].view(shape))
        return self._integers(entries)[: len(left.norm_X)]

    def _integers(self, product: Tensor) -> Tensor:
        return product.view(_INTEGERS[self._dtype])

    def at_most(self, integers_X: Tensor, left: CoarseRows) -> FloatArray:
        """For an entry a row, a distance that the true one behind it does not exceed."""
        value_X = integers_X.view(self._dtype).double().clamp_min(0).cpu().numpy()  # below 0 is a 0, rounded
        norm_X, error_X = left.norm_X.double().cpu().numpy(), left.error_X.double().cpu().numpy()
        squared_X = value_X * (1 + self._rounding) * (1 + 2 * self._slack) + 2 * self._slack * norm_X**2
        found: FloatArray = (np.sqrt(squared_X) + error_X + self._relative * norm_X) / (1 - self._relative)
        return found

    def threshold(self, limit_X: FloatArray, left: CoarseRows) -> Tensor:
        """Integers that no entry exceeds whose true distance is at most its row's limit: rounding keeps the order."""
        norm_X, error_X = left.norm_X.double().cpu().numpy(), left.error_X.double().cpu().numpy()
        reach_X = limit_X + error_X + self._relative * (norm_X + limit_X)
        squared_X = reach_X**2 * (1 + self._slack) + self._slack * norm_X**2
        return self._integers(torch.from_numpy(squared_X).to(self._dtype))


def within(
    integers_XY: Tensor, threshold_X: Tensor, kept_XY: NDArray[np.bool_] | None = None
) -> tuple[IntArray, IntArray]:
    """Rows and columns of the entries that do not exceed their row's threshold, by row, then by column.

    ``kept_XY`` is memory to work in, for the CPU.
    """
    if integers_XY.device.type != "cpu":
        found = (integers_XY <= threshold_X.to(integers_XY.device)[:, None]).nonzero().cpu().numpy()
        return found[:, 0], found[:, 1]
    kept_XY = np.less_equal(integers_XY.numpy(), threshold_X.numpy()[:, None], out=kept_XY)
    return np.divmod(np.flatnonzero(kept_XY), max(1, integers_XY.shape[1]))
