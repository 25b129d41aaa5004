"""Coarse squared distances from a product in float32, or in bfloat16 where the CPU is fast at it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from adshift.methods.distances.coarse import CoarseRows, FloatArray, padded, rounded_up
from adshift.methods.distances.huge_pages import Scratch, large_empty
from adshift.methods.distances.rounding import distance_slack

_INTEGERS = {torch.bfloat16: torch.int16, torch.float32: torch.int32}
_PIECES = {torch.bfloat16: 3, torch.float32: 1}
"""In how many numbers a squared norm is stored."""
_WIDTH_STEP = {torch.bfloat16: 32, torch.float32: 1}
"""Rows are filled up with zeros to a multiple of this. AMX multiplies whole tiles of 32: without the fix of its issue 5717,
oneDNN reads past the end of other rows into the next one and counts on a zero to cancel it, which NaN there survives."""


class FloatForm:
    """Rows rounded to floats (`adshift.methods.distances.coarse.CoarseForm`); ``norm_X`` of its rows is at least |x|.

    With n = |x'|^2 a row is (x', n, 1), and the other side's is (-2 x', 1, n): their dot product is |x' - y'|^2. In
    bfloat16 n is the sum of three numbers, which together have float32's digits, and rows end in zeros.

    Let v be an entry of the product and d the true distance of its rows x and y. Rounding a row moves it by at most
    error_x, and by at most `relative` |y|, where |y| <= |x| + d. The product's sums err as float32 sums do
    (`distance_slack`, doubled, as some units round them less well); its entries are rounded to its type last, which is
    relative to the entry.

    Args:
        dim: P, numbers a row.
        dtype: float32 or bfloat16.
        device: where products are taken.
    """

    def __init__(self, dim: int, dtype: torch.dtype, device: torch.device) -> None:
        self.row_type = self.entry_type = dtype
        self.width = rounded_up(dim + 2 * _PIECES[dtype], _WIDTH_STEP[dtype])
        self._dim, self._pieces, self._device = dim, _PIECES[dtype], device
        self._relative = 0.0
        self._slack = 2 * distance_slack(self.width, device)
        self._rounding = 2.0**-7 if dtype == torch.bfloat16 else 2.0**-22

    def empty(self, count: int) -> CoarseRows:
        """See ``CoarseForm``."""
        left_XK = large_empty(padded(count), self.width, dtype=self.row_type, device=self._device)
        return CoarseRows(left_XK, torch.empty(count, device=self._device), torch.empty(count, device=self._device))

    def fill(self, rows: CoarseRows, x_XP: Tensor) -> None:
        """See ``CoarseForm``."""
        left_XK = rows.left_XK[: len(x_XP)]
        body = left_XK[:, : self._dim]
        body.copy_(x_XP)
        rounded = x_XP if self.row_type == torch.float32 else body.float()
        rest = squared_X = rounded.square().sum(1)
        for column in range(self._dim, self._dim + self._pieces):
            left_XK[:, column] = rest
            rest = rest - left_XK[:, column].float()
        left_XK[:, self._dim + self._pieces : self._dim + 2 * self._pieces] = 1
        left_XK[:, self._dim + 2 * self._pieces :] = 0
        torch.sqrt(squared_X, out=rows.norm_X)
        rows.error_X.zero_()
        if self.row_type != torch.float32:
            rows.error_X.copy_(torch.linalg.vector_norm(x_XP - rounded, dim=1) * 1.001)
            rows.norm_X.add_(rows.error_X)

    def rows(self, x_XP: Tensor) -> CoarseRows:
        """See ``CoarseForm``."""
        rows = self.empty(len(x_XP))
        self.fill(rows, x_XP)
        return rows

    def right(self, rows: CoarseRows) -> Tensor:
        """See ``CoarseForm``."""
        shortest_Y = (rows.norm_X - 2 * rows.error_X).clamp_min(torch.finfo(torch.float32).tiny)
        self._relative = max(self._relative, float((rows.error_X / shortest_Y).amax()) if len(shortest_Y) else 0.0)
        parts = [self._dim, self._pieces, self._pieces, self.width - self._dim - 2 * self._pieces]
        body, norms, ones, zeros = rows.left_XK[: len(rows.norm_X)].split(parts, dim=1)
        return torch.cat([body * -2, ones, norms, zeros], 1)

    def product(self, left: CoarseRows, right_YK: Tensor, memory: Scratch) -> Tensor:
        """See ``CoarseForm``.

        The integers are the entries in the same memory: those that are not negative keep their order, others are below.
        They are compared several times faster than bfloat16.
        """
        entries = torch.mm(left.left_XK, right_YK.T, out=memory.take(len(left.left_XK), len(right_YK)))
        return self._integers(entries)[: len(left.norm_X)]

    def _integers(self, product: Tensor) -> Tensor:
        return product.view(_INTEGERS[self.entry_type])

    def at_most(self, entry_X: Tensor, left: CoarseRows) -> FloatArray:
        """See ``CoarseForm``."""
        value_X = entry_X.view(self.entry_type).double().clamp_min(0).cpu().numpy()  # below 0 is a 0, rounded
        norm_X, error_X = left.norm_X.double().cpu().numpy(), left.error_X.double().cpu().numpy()
        squared_X = value_X * (1 + self._rounding) * (1 + 2 * self._slack) + 2 * self._slack * norm_X**2
        found: FloatArray = (np.sqrt(squared_X) + error_X + self._relative * norm_X) / (1 - self._relative)
        return found

    def threshold(self, limit_X: FloatArray, left: CoarseRows) -> Tensor:
        """See ``CoarseForm``; rounding keeps the order."""
        norm_X, error_X = left.norm_X.double().cpu().numpy(), left.error_X.double().cpu().numpy()
        reach_X = limit_X + error_X + self._relative * (norm_X + limit_X)
        squared_X = reach_X**2 * (1 + self._slack) + self._slack * norm_X**2
        return self._integers(torch.from_numpy(squared_X).to(self.entry_type))
