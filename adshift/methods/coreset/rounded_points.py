"""All points of a search, rounded to coarse rows: in one pass over them, but for points that a sample does not foretell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import numpy as np
import torch
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.methods.coreset.points import CHUNK_ROWS, Points
from adshift.methods.distances.coarse import CoarseForm, CoarseRows, IntArray, coarse_type
from adshift.methods.distances.coarse_bytes import ByteForm
from adshift.methods.distances.coarse_floats import FloatForm
from adshift.methods.distances.huge_pages import Scratch

SAMPLE_ROWS = 8192
"""Points that tell where the origin is put, and how far an int8 grid must reach."""
REACH = 1.3
"""How many times as far as the sample's farthest value the grid reaches: the farthest of all lies beyond that."""


class RoundedPoints:
    """Points less a common origin, as coarse rows (`adshift.methods.distances.coarse`).

    Float32 rows of points that are not projected would be a copy of them: those are made when asked for.

    Attributes:
        form: how rows are rounded.

    Raises:
        AdshiftError: a value that is not finite, or too large for its square to be.
    """

    def __init__(self, points: Points) -> None:
        self._points = points
        sample_SP = points.at(np.arange(0, len(points), max(1, len(points) // SAMPLE_ROWS)))
        self._origin_P = sample_SP.mean(0, dtype=torch.float64).to(points.dtype)
        self.form, self._rows = self._rounded(self._less_origin(sample_SP))
        self._some_rows = Scratch(self.form.row_type, points.device)

    @property
    def held(self) -> bool:
        """Whether all rows are in memory."""
        return self._rows is not None

    def at(self, rows_M: IntArray) -> CoarseRows:
        """Some of the rows, in memory that the next call reuses."""
        if self._rows is None:
            return self.form.rows(self._less_origin(self._points.at(rows_M)))
        return self._rows.at(torch.from_numpy(rows_M).to(self._points.device), self._some_rows)

    def chunks(self) -> Iterator[CoarseRows]:
        """All rows in order, CHUNK_ROWS at most at once."""
        if self._rows is None:
            yield from map(self.form.rows, self._chunks())
            return
        for start in range(0, len(self._points), CHUNK_ROWS):
            yield self._rows.part(start, start + CHUNK_ROWS)

    def _less_origin(self, points_NP: Tensor) -> Tensor:
        return (points_NP - self._origin_P).float()

    def _chunks(self) -> Iterator[Tensor]:
        return map(self._less_origin, self._points.chunks())

    def _rounded(self, sample_SP: Tensor) -> tuple[CoarseForm, CoarseRows | None]:
        self._check(torch.linalg.vector_norm(sample_SP, dim=1))
        dtype = coarse_type(self._points.device)
        if dtype == torch.int8:
            found = self._bytes(sample_SP)
            if found is not None:
                return found
            dtype = torch.float32
        form = FloatForm(self._points.dim, dtype, self._points.device)
        if dtype == torch.float32 and not self._points.projected:
            for _ in self._finite_chunks():
                pass
            return form, None
        rows = self._all(form)
        self._check(rows.norm_X + rows.error_X)
        return form, rows

    def _bytes(self, sample_SP: Tensor) -> tuple[ByteForm, CoarseRows] | None:
        """On the grid that the sample calls for; where points are too long for it or cut off by too much, on one for all.

        None where outliers make the grid too coarse for the others.
        """
        form = ByteForm.spanning([sample_SP], REACH)
        if not form.resolves(sample_SP):
            return None
        rows = self._all(form)
        if form.serves(rows):
            return form, rows
        del rows  # before as many are made anew
        form = ByteForm.spanning(self._finite_chunks())
        return (form, self._all(form)) if form.resolves(sample_SP) else None

    def _all(self, form: CoarseForm) -> CoarseRows:
        rows, start = form.empty(len(self._points)), 0
        for part_NP in self._chunks():
            form.fill(rows.part(start, start + len(part_NP)), part_NP)
            start += len(part_NP)
        return rows

    def _finite_chunks(self) -> Iterator[Tensor]:
        for part_NP in self._chunks():
            self._check(torch.linalg.vector_norm(part_NP, dim=1))
            yield part_NP

    def _check(self, length_N: Tensor) -> None:
        if not bool(length_N.isfinite().all()):
            self._refuse()

    def _refuse(self) -> NoReturn:
        if all(bool(part_NP.isfinite().all()) for part_NP in self._points.chunks()):
            raise AdshiftError("embedding holds values whose squares exceed float32; check the images and the weights")
        raise AdshiftError(
            "embedding holds NaN or infinite values and must be finite; check the images and the weights"
        )
