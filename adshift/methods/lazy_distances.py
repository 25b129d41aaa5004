"""Distances of many points to a growing set of centres, kept only as upper bounds until they matter."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.methods.coarse import CoarseForm, CoarseRows, FloatArray, IntArray, coarse_type, padded, within
from adshift.methods.coarse_bytes import ByteForm
from adshift.methods.coarse_floats import FloatForm
from adshift.methods.huge_pages import Scratch

CHUNK_ROWS = 4096
PAIR_ROWS = 512
"""Pairs whose differences, in float64, fit a core's cache."""
SAMPLE_ROWS = 8192
"""Points whose bounds tell about how large those are that a pool of a given size begins at."""
FIRST_BLOCK = 256
BLOCK_CENTRES = {"cpu": 512, "cuda": 4096}
PRODUCT_VALUES = 1 << 22
PICKED = -1.0


@dataclass(frozen=True)
class Bounds:
    """What is known of every point's distance to the centres so far; with it a search goes on where another one ended.

    Attributes:
        squared_N: float64 upper bounds on the squared distance to the nearest centre; PICKED for centres.
        seen_N: int64, how many of the centres each bound knows.
    """

    squared_N: FloatArray
    seen_N: IntArray


@dataclass
class Head:
    """The points that can be picked next, with exact distances.

    Attributes:
        rows_H: ascending rows of the points.
        points_HP: their coordinates, float64.
        squared_H: exact squared distances to the nearest centre; changed in place by the picking.
        outside: an upper bound on the squared distance of every other point.
        complete: no other point is left.
    """

    rows_H: IntArray
    points_HP: FloatArray
    squared_H: FloatArray
    outside: float
    complete: bool


class LazyDistances:
    """Squared distances to the nearest centre: stale upper bounds for all points, exact ones for those at the head.

    Products are coarse (`adshift.methods.coarse`), on centred points. Their rounding error is bounded, so a bound is
    never below the truth and no centre that may be the nearest is missed; whatever decides a pick is computed anew from
    differences in float64.

    Args:
        points_NP: [N, P] finite floats; rows are gathered when needed, never copied as a whole but for their coarse form
            in bfloat16 or int8, where the CPU is fast at that.
        capacity: the largest number of centres.

    Raises:
        AdshiftError: a value that is not finite, or too large for its square to be.
    """

    def __init__(self, points_NP: Tensor, capacity: int) -> None:
        self._points_NP = points_NP
        size = len(points_NP)
        device = points_NP.device
        dtype = coarse_type(device)
        self._mean_P = _mean(points_NP)
        self._form = self._coarse_form(dtype)
        self._coarse = None if self._form.row_type == torch.float32 else self._all_rows()
        self._block = BLOCK_CENTRES["cpu" if device.type == "cpu" else "cuda"]
        self._centre_rows: IntArray = np.empty(0, np.int64)
        self._right_CK = torch.zeros(padded(capacity), self._form.width, dtype=self._form.row_type, device=device)
        self._pool_rows = Scratch(self._form.row_type, device)
        self._some_rows = Scratch(self._form.row_type, device)
        self._products = Scratch(self._form.entry_type, device)
        self._bound_N: FloatArray = np.full(size, np.inf)
        self._seen_N: IntArray = np.zeros(size, np.int64)

    def bounds(self) -> Bounds:
        """A copy of the present bounds."""
        return Bounds(self._bound_N.copy(), self._seen_N.copy())

    def start(self, rows_K: IntArray, bounds: Bounds | None = None) -> None:
        """Begin with these centres; ``bounds`` are those of an earlier search that ended with the same ones."""
        self.add_centres(rows_K)
        if bounds is None:
            self._first_pass(min(len(rows_K), FIRST_BLOCK))
        else:
            self._bound_N[:], self._seen_N[:] = bounds.squared_N, bounds.seen_N

    def add_centres(self, rows_K: IntArray) -> None:
        """Append centres; the bounds of all points stay valid, only older."""
        start, stop = len(self._centre_rows), len(self._centre_rows) + len(rows_K)
        self._right_CK[start:stop] = self._form.right(self._coarse_at(rows_K))
        self._centre_rows = np.concatenate([self._centre_rows, rows_K])
        self._bound_N[rows_K] = PICKED

    def unpicked(self) -> IntArray:
        """Rows that are not centres, ascending."""
        return np.flatnonzero(self._bound_N != PICKED)

    def head(self, pool_rows: int, head_rows: int) -> Head:
        """Bring about the `pool_rows` largest bounds up to date and settle exactly those that exceed all the others."""
        pool_L, outside = self._pool(pool_rows)
        squared_L = self._refresh(pool_L, outside)
        kept = np.flatnonzero(squared_L > outside)
        if len(kept) > head_rows:
            strongest, left_out = _largest(squared_L[kept], head_rows)
            kept, outside = kept[strongest], max(outside, left_out)
        rows_H = np.sort(pool_L[kept])
        points_HP = _float64(self._exact(rows_H))
        squared_H = self._settle(points_HP, self._coarse_at(rows_H))
        self._bound_N[rows_H] = squared_H
        self._seen_N[rows_H] = len(self._centre_rows)
        return Head(rows_H, points_HP, squared_H, outside, complete=outside == PICKED)

    def commit(self, head: Head, picks_K: IntArray) -> None:
        """Store what picking inside the head has learnt: new centres, and exact distances that have seen them."""
        self._bound_N[head.rows_H] = head.squared_H
        self.add_centres(picks_K)
        self._seen_N[head.rows_H] = len(self._centre_rows)

    def _pool(self, count: int) -> tuple[IntArray, float]:
        """Rows of about the `count` largest bounds, centres left out, and what no other exceeds (PICKED: none left)."""
        size = len(self._bound_N)
        sample = self._bound_N[:: max(1, size // SAMPLE_ROWS)]
        rank = count * len(sample) // size
        if rank < len(sample):
            level = float(np.partition(sample, len(sample) - rank - 1)[len(sample) - rank - 1])
            rows = np.flatnonzero(self._bound_N > level)
            if level > PICKED and count <= 2 * len(rows) <= 4 * count:
                return rows, level
        return _largest(self._bound_N, count)

    def _exact(self, rows: IntArray) -> Tensor:
        """The points themselves."""
        return self._points_NP[torch.from_numpy(rows).to(self._points_NP.device)].to(self._mean_P.dtype)

    def _centred(self, exact_XP: Tensor) -> Tensor:
        return (exact_XP.to(self._mean_P.dtype) - self._mean_P).float()

    def _centred_parts(self) -> Iterator[Tensor]:
        """All points, less their mean, chunk by chunk."""
        for start in range(0, len(self._points_NP), CHUNK_ROWS):
            yield self._centred(self._points_NP[start : start + CHUNK_ROWS])

    def _coarse_form(self, dtype: torch.dtype) -> CoarseForm:
        if dtype == torch.int8:
            form, some = ByteForm.spanning(self._centred_parts()), max(1, len(self._points_NP) // CHUNK_ROWS)
            if form.resolves(self._centred(self._points_NP[::some])):
                return form
            dtype = torch.float32
        return FloatForm(self._points_NP.shape[1], dtype, self._points_NP.device)

    def _all_rows(self) -> CoarseRows:
        """The coarse form of every point."""
        whole = self._form.empty(len(self._points_NP))
        for i, part_NP in enumerate(self._centred_parts()):
            self._form.fill(whole.part(i * CHUNK_ROWS, (i + 1) * CHUNK_ROWS), part_NP)
        if not bool(whole.norm_X.isfinite().all()):
            raise AdshiftError("embedding holds values whose squares exceed float32; check the images and the weights")
        return whole

    def _coarse_at(self, rows: IntArray) -> CoarseRows:
        """The coarse form of some points, in memory that the next call reuses."""
        if self._coarse is not None:
            return self._coarse.at(torch.from_numpy(rows), self._pool_rows)
        return self._form.rows(self._centred(self._exact(rows)))

    def _product(self, left: CoarseRows, start: int, stop: int) -> Tensor:
        """Coarse squared distances to the centres start to stop, as integers, in memory that the next call reuses."""
        right_YK = self._right_CK[start : start + padded(stop - start)]
        return self._form.product(left, right_YK, self._products)[:, : stop - start]

    def _first_pass(self, stop: int) -> None:
        """Bound every point by the first centres."""
        picked = self._bound_N == PICKED
        for start in range(0, len(self._bound_N), CHUNK_ROWS):
            if self._coarse is None:
                left = self._form.rows(self._centred(self._points_NP[start : start + CHUNK_ROWS]))
            else:
                left = self._coarse.part(start, start + CHUNK_ROWS)
            self._bound_N[start : start + CHUNK_ROWS] = (
                self._form.at_most(self._product(left, 0, stop).amin(1), left) ** 2
            )
        self._bound_N[picked] = PICKED
        self._seen_N[:] = stop

    def _refresh(self, rows_L: IntArray, outside: float) -> FloatArray:
        """Lower the bounds of a pool, oldest unseen centres first; a point that falls below `outside` is left there."""
        total, device = len(self._centre_rows), self._right_CK.device
        bound_L, seen_L = self._bound_N[rows_L], self._seen_N[rows_L]
        left_L = self._coarse_at(rows_L)
        for start in range(int(seen_L.min(initial=total)), total, self._block):
            stop = min(start + self._block, total)
            active = np.flatnonzero((seen_L < stop) & (bound_L >= outside))
            if len(active) == 0:
                continue
            every = len(active) == len(rows_L)
            left = left_L if every else left_L.at(torch.from_numpy(active).to(device), self._some_rows)
            fresh = self._form.at_most(self._product(left, start, stop).amin(1), left) ** 2
            bound_L[active] = np.minimum(bound_L[active], fresh)
            seen_L[active] = stop
        self._bound_N[rows_L], self._seen_N[rows_L] = bound_L, seen_L
        return bound_L

    def _settle(self, points_HP: FloatArray, left_H: CoarseRows) -> FloatArray:
        """Exact squared distances to the nearest centre, from differences to every centre that may be the nearest."""
        total = len(self._centre_rows)
        squared_H = np.empty(len(points_HP))
        step = max(1, PRODUCT_VALUES // total)
        for start in range(0, len(points_HP), step):
            left = left_H.part(start, start + step)
            integers = self._product(left, 0, total)
            limit = self._form.at_most(integers.amin(1), left)
            point, centre = within(integers, self._form.threshold(limit, left))
            squared_H[start : start + step] = self._nearest_of(points_HP[start : start + step], point, centre)
        return squared_H

    def _nearest_of(self, points_HP: FloatArray, point_X: IntArray, centre_X: IntArray) -> FloatArray:
        """Smallest exact squared distance of each point over its (point, centre) pairs, sorted by point."""
        squared_X = np.empty(len(point_X))
        for start in range(0, len(point_X), PAIR_ROWS):
            part = slice(start, start + PAIR_ROWS)
            centres = _float64(self._exact(self._centre_rows[centre_X[part]]))
            squared_X[part] = squared_distances(points_HP[point_X[part]], centres)
        if len(points_HP) == 0:
            return np.empty(0)
        return np.minimum.reduceat(squared_X, np.searchsorted(point_X, np.arange(len(points_HP))))


def squared_distances(points: FloatArray, centres: FloatArray) -> FloatArray:
    """Squared distances along the last axis from differences: equal rows give equal values, wherever they stand."""
    difference = points - centres
    return np.asarray(np.square(difference, out=difference).sum(-1))


def _float64(points: Tensor) -> FloatArray:
    return np.asarray(points.cpu().double().numpy())


def _mean(points_NP: Tensor) -> Tensor:
    """The mean, in the type distances are taken in (float64 for float64 points, else float32); refuses NaN and inf."""
    total = torch.zeros(points_NP.shape[1], dtype=torch.float64, device=points_NP.device)
    for start in range(0, len(points_NP), CHUNK_ROWS):
        total += points_NP[start : start + CHUNK_ROWS].sum(0, dtype=torch.float64)
    if not bool(total.isfinite().all()):
        raise AdshiftError(
            "embedding holds NaN or infinite values and must be finite; check the images and the weights"
        )
    return (total / len(points_NP)).to(torch.float64 if points_NP.dtype == torch.float64 else torch.float32)


def _largest(values: FloatArray, count: int) -> tuple[IntArray, float]:
    """Where the `count` largest values lie (picked points left out), and the largest of the rest (PICKED: none left)."""
    if count >= len(values):
        return np.flatnonzero(values != PICKED), PICKED
    order = np.argpartition(values, len(values) - count - 1)
    chosen = order[len(values) - count :]
    return chosen[values[chosen] != PICKED], float(values[order[len(values) - count - 1]])
