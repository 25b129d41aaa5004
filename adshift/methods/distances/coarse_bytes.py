"""Coarse squared distances from a product of int8 rows, whose sums are exact, where the CPU is fast at it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from adshift.methods.distances.coarse import CoarseRows, FloatArray, padded
from adshift.methods.distances.huge_pages import Scratch, large_empty

LARGEST = 127
EXTRA_COLUMNS = 1.2
"""How many times as many columns rows may take when long coordinates are split."""
FINE = 0.05
_FLOAT_ROUNDING = 1e-5
"""Of float32 arithmetic on a row before it is rounded, relative to the row's length."""


class ByteForm:
    """Rows rounded to int8 on one grid of step s (`adshift.methods.distances.coarse.CoarseForm`); on the CPU.

    A coordinate whose values reach far would make the grid coarse for all. It is split into p coordinates x / sqrt(p),
    which leaves every distance as it is and shortens its range. On the left a row is x', in steps of the grid, and
    constants; on the right it is -y', and h = |y'|^2 // 2 in digits of those constants. So the dot product is h - x'.y',
    and the squared distance on the grid is |x'|^2 + 2 (h - x'.y') or one more. All sums are exact in int32. ``norm_X`` of
    a row is |x'|, in steps.

    Values beyond the grid's end are cut off; that is part of the row's error like all rounding.

    Args:
        range_P: float32, the largest absolute value of each coordinate; where rows go beyond it their error grows.
        longest: the length of the longest row that is ever on the right side.
    """

    row_type, entry_type = torch.int8, torch.int32

    def __init__(self, range_P: Tensor, longest: float) -> None:
        copies_P = _copies(range_P)
        reach = float((range_P / copies_P.float().sqrt()).amax())
        self._step = reach / LARGEST if reach > 0 else 1.0
        self._scale_P = 1 / (self._step * copies_P.float().sqrt())
        self._again_S = torch.repeat_interleave(torch.arange(len(range_P)), copies_P - 1)
        self._split = len(range_P) + len(self._again_S)
        self._longest = longest / self._step + self._split**0.5 / 2 + 1
        self._digits = int(self._longest**2 / 2) // LARGEST**2 + 1
        self.width = self._split + self._digits + 1
        self._worst = 0.0

    @classmethod
    def spanning(cls, parts: Iterable[Tensor], reach: float = 1.0) -> ByteForm:
        """The form whose grid spans the rows of all parts, float32 [N, P], and those that are `reach` times as far."""
        ranges, lengths = [], []
        for part_NP in parts:
            ranges.append(torch.maximum(part_NP.amax(0), -part_NP.amin(0)))
            lengths.append(float(torch.linalg.vector_norm(part_NP, dim=1).amax()))
        return cls(reach * torch.stack(ranges).amax(0), reach * max(lengths))

    def resolves(self, x_XP: Tensor) -> bool:
        """Whether the grid is fine beside most of these rows; far outliers make it too coarse to tell the others apart."""
        fine_X = self.rows(x_XP).error_X < FINE * torch.linalg.vector_norm(x_XP, dim=1)
        return bool(fine_X.float().mean() > 0.5)

    def serves(self, rows: CoarseRows) -> bool:
        """Whether rows beyond those that the grid spans may be on either side: none is too long, or cut off by much."""
        if float(rows.norm_X.amax()) > self._longest:
            return False
        return float(rows.error_X.amax()) <= FINE * self._step * float(rows.norm_X.mean())

    def empty(self, count: int) -> CoarseRows:
        """See ``CoarseForm``."""
        left_XK = large_empty(padded(count), self.width, dtype=torch.int8, device=torch.device("cpu"))
        return CoarseRows(left_XK, torch.empty(count), torch.empty(count))

    def fill(self, rows: CoarseRows, x_XP: Tensor) -> None:
        """See ``CoarseForm``."""
        dim = x_XP.shape[1]
        scaled_XS = x_XP.new_empty(len(x_XP), self._split)
        torch.mul(x_XP, self._scale_P, out=scaled_XS[:, :dim])
        scaled_XS[:, dim:] = scaled_XS.index_select(1, self._again_S)
        rounded_XS = scaled_XS.round().clamp_(-LARGEST, LARGEST)
        left_XK = rows.left_XK[: len(x_XP)]
        left_XK[:, : self._split] = rounded_XS
        left_XK[:, self._split : -1] = LARGEST
        left_XK[:, -1] = 1
        torch.linalg.vector_norm(rounded_XS, dim=1, out=rows.norm_X)
        error_X = torch.linalg.vector_norm(scaled_XS.sub_(rounded_XS), dim=1, out=rows.error_X)
        error_X.add_(rows.norm_X + error_X, alpha=_FLOAT_ROUNDING).mul_(self._step * 1.001)

    def rows(self, x_XP: Tensor) -> CoarseRows:
        """See ``CoarseForm``."""
        rows = self.empty(len(x_XP))
        self.fill(rows, x_XP)
        return rows

    def right(self, rows: CoarseRows) -> Tensor:
        """See ``CoarseForm``."""
        self._worst = max(self._worst, float(rows.error_X.amax()) if len(rows.error_X) else 0.0)
        right_YK = rows.left_XK[: len(rows.norm_X)].clone()
        body = right_YK[:, : self._split]
        half_Y = body.int().square_().sum(1) // 2
        body.neg_()
        taken_E = LARGEST * torch.arange(self._digits)
        right_YK[:, self._split : -1] = (half_Y[:, None] // LARGEST - taken_E).clamp_(0, LARGEST)
        right_YK[:, -1] = half_Y % LARGEST
        return right_YK

    def product(self, left: CoarseRows, right_YK: Tensor, memory: Scratch) -> Tensor:
        """See ``CoarseForm``."""
        entries = torch._int_mm(left.left_XK, right_YK.T, out=memory.take(len(left.left_XK), len(right_YK)))
        return entries[: len(left.norm_X)]

    def at_most(self, entry_X: Tensor, left: CoarseRows) -> FloatArray:
        """See ``CoarseForm``."""
        norm_X, error_X = left.norm_X.double().numpy(), left.error_X.double().numpy()
        squared_X = np.square(norm_X) * (1 + _FLOAT_ROUNDING) + 2.0 * entry_X.numpy() + 1
        found: FloatArray = self._step * np.sqrt(np.maximum(squared_X, 0)) + error_X + self._worst
        return found

    def threshold(self, limit_X: FloatArray, left: CoarseRows) -> Tensor:
        """See ``CoarseForm``."""
        norm_X, error_X = left.norm_X.double().numpy(), left.error_X.double().numpy()
        reach_X = (limit_X + error_X + self._worst) / self._step
        entry_X = (np.square(reach_X) - np.square(norm_X) * (1 - _FLOAT_ROUNDING)) / 2
        return torch.from_numpy(np.ceil(entry_X).clip(-(2.0**31), 2.0**31 - 1).astype(np.int32))


def _copies(range_P: Tensor) -> Tensor:
    """Into how many each coordinate is split: as far as the columns allow, so that all ranges end alike."""
    most = int(EXTRA_COLUMNS * len(range_P))
    low, high = 0.0, max(float(range_P.amax()), torch.finfo(torch.float32).tiny)
    for _ in range(20):
        middle = (low + high) / 2
        if float((range_P.double() / middle).square().ceil().clamp_min(1).sum()) <= most:
            high = middle
        else:
            low = middle
    return (range_P / high).square().ceil().clamp_min(1).long()
