"""The points of a search: rows of several tensors, as they are, or projected when they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from adshift.methods.distances.coarse import IntArray
from adshift.methods.distances.onednn import multiplies_on
from adshift.methods.distances.projection import projection
from adshift.methods.distances.rows import rows_of_parts

CHUNK_ROWS = 4096


class Points:
    """Rows of all parts, one part after another, which may be memory-mapped.

    With oneDNN rows are projected whenever they are read: to write all projections to memory takes longer than to compute
    the few again that a search asks for by number, and those come out in the same bits whichever rows are read with
    them. Other libraries and devices do not promise that; there the projection is made once and held.

    Args:
        parts: [n, D] float rows each, of one type, on one device.
        matrix_DP: projects every row to P dimensions, in float32; None leaves the rows as they are.

    Attributes:
        dim: numbers a point.
        dtype: of the points: float64 where rows are and stay that, else float32.
    """

    def __init__(self, parts: Sequence[Tensor], matrix_DP: Tensor | None = None) -> None:
        self._parts = [part.detach() for part in parts]
        self.device = parts[0].device
        self._project = None if matrix_DP is None else projection(matrix_DP.to(self.device))
        self.dim = parts[0].shape[1] if matrix_DP is None else matrix_DP.shape[1]
        self.dtype = torch.float64 if matrix_DP is None and parts[0].dtype == torch.float64 else torch.float32
        if self.projected and not multiplies_on(self.device):
            self._parts, self._project = [torch.cat(list(self.chunks()))], None

    @property
    def projected(self) -> bool:
        """Whether rows are projected when they are read."""
        return self._project is not None

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def chunks(self) -> Iterator[Tensor]:
        """All points in order, at most CHUNK_ROWS at once."""
        for part in self._parts:
            for chunk in part.split(CHUNK_ROWS):
                yield self._seen(chunk)

    def at(self, rows_M: IntArray) -> Tensor:
        """The points [M, P] at these rows, in the order given."""
        return self._seen(rows_of_parts(self._parts, torch.from_numpy(rows_M).to(self.device)))

    def _seen(self, rows_ND: Tensor) -> Tensor:
        return rows_ND.to(self.dtype) if self._project is None else self._project(rows_ND)
