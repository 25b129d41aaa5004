"""Distances of many points to a growing set of centres, kept only as upper bounds until they matter."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adshift.methods.coreset.points import Points
from adshift.methods.coreset.rounded_points import RoundedPoints
from adshift.methods.distances.coarse import CoarseRows, FloatArray, IntArray, padded, within
from adshift.methods.distances.huge_pages import Scratch

PAIR_ROWS = 512
"""Pairs whose differences, in float64, fit a core's cache."""
SAMPLE_ROWS = 8192
"""Points whose bounds tell about how large those are that a pool of a given size begins at."""
SEEN_BY_ALL = 256
"""While centres are this few, all bounds are brought up to date whenever there are twice as many as the last time. Each
centre lowers many bounds then, pools of old ones hold few points that can be picked, and a product with all rows gathers
none."""
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

    Products are coarse (`rounded_points`). Their rounding error is bounded, so a bound is never below the
    truth and no centre that may be the nearest is missed; whatever decides a pick is computed anew from differences in
    float64.

    Args:
        points: finite; read in chunks to round them, then by row.
        capacity: the largest number of centres.

    Raises:
        AdshiftError: a value that is not finite, or too large for its square to be.
    """

    def __init__(self, points: Points, capacity: int) -> None:
        size, device = len(points), points.device
        self._points = points
        self._rounded = RoundedPoints(points)
        self._form = self._rounded.form
        self._block = BLOCK_CENTRES["cpu" if device.type == "cpu" else "cuda"]
        self._centres = self._seen_by_all = 0
        self._centre_CP = torch.zeros(capacity, points.dim, dtype=points.dtype).numpy()
        self._right_CK = torch.zeros(padded(capacity), self._form.width, dtype=self._form.row_type, device=device)
        self._active_rows = Scratch(self._form.row_type, device)
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
            self._refresh_all(min(self._centres, SEEN_BY_ALL))
        else:
            self._bound_N[:], self._seen_N[:] = bounds.squared_N, bounds.seen_N
            self._seen_by_all = int(self._seen_N.min())

    def add_centres(self, rows_K: IntArray) -> None:
        """Append centres; the bounds of all points stay valid, only older."""
        self._append(rows_K, self._exact(rows_K))

    def unpicked(self) -> IntArray:
        """Rows that are not centres, ascending."""
        return np.flatnonzero(self._bound_N != PICKED)

    def head(self, pool_rows: int, head_rows: int) -> Head:
        """Bring about the `pool_rows` largest bounds up to date and settle exactly those that exceed all the others."""
        if self._rounded.held and 2 * self._seen_by_all <= self._centres <= SEEN_BY_ALL:
            self._refresh_all(self._centres)
        pool_L, outside = self._pool(pool_rows)
        squared_L = self._refresh(pool_L, outside)
        kept = np.flatnonzero(squared_L > outside)
        if len(kept) > head_rows:
            strongest, left_out = _largest(squared_L[kept], head_rows)
            kept, outside = kept[strongest], max(outside, left_out)
        rows_H = np.sort(pool_L[kept])
        points_HP = self._exact(rows_H)
        squared_H = self._settle(points_HP, self._rounded.at(rows_H))
        self._bound_N[rows_H] = squared_H
        self._seen_N[rows_H] = self._centres
        return Head(rows_H, points_HP, squared_H, outside, complete=outside == PICKED)

    def commit(self, head: Head, picks_K: IntArray) -> None:
        """Store what picking inside the head has learnt: new centres, and exact distances that have seen them."""
        self._bound_N[head.rows_H] = head.squared_H
        self._append(picks_K, head.points_HP[np.searchsorted(head.rows_H, picks_K)])
        self._seen_N[head.rows_H] = self._centres

    def _append(self, rows_K: IntArray, points_KP: FloatArray) -> None:
        start, stop = self._centres, self._centres + len(rows_K)
        self._centre_CP[start:stop] = points_KP
        self._right_CK[start:stop] = self._form.right(self._rounded.at(rows_K))
        self._bound_N[rows_K] = PICKED
        self._centres = stop

    def _exact(self, rows_M: IntArray) -> FloatArray:
        """The points themselves, in float64."""
        return np.asarray(self._points.at(rows_M).cpu().double().numpy())

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

    def _product(self, left: CoarseRows, start: int, stop: int) -> Tensor:
        """Coarse squared distances to the centres start to stop, as integers, in memory that the next call reuses."""
        right_YK = self._right_CK[start : start + padded(stop - start)]
        return self._form.product(left, right_YK, self._products)[:, : stop - start]

    def _at_most(self, left: CoarseRows, start: int, stop: int) -> FloatArray:
        """What the squared distances to the nearest of the centres start to stop do not exceed."""
        return self._form.at_most(self._product(left, start, stop).amin(1), left) ** 2

    def _refresh_all(self, stop: int) -> None:
        """Let every bound know the first `stop` centres."""
        start, first = self._seen_by_all, 0
        for left in self._rounded.chunks():
            part = slice(first, first + len(left.norm_X))
            self._bound_N[part] = np.minimum(self._bound_N[part], self._at_most(left, start, stop))
            first = part.stop
        self._seen_N = np.maximum(self._seen_N, stop)
        self._seen_by_all = stop

    def _refresh(self, rows_L: IntArray, outside: float) -> FloatArray:
        """Lower the bounds of a pool, oldest unseen centres first; a point that falls below `outside` is left there."""
        total, device = self._centres, self._right_CK.device
        bound_L, seen_L = self._bound_N[rows_L], self._seen_N[rows_L]
        left_L = self._rounded.at(rows_L)
        for start in range(int(seen_L.min(initial=total)), total, self._block):
            stop = min(start + self._block, total)
            active = np.flatnonzero((seen_L < stop) & (bound_L >= outside))
            if len(active) == 0:
                continue
            every = len(active) == len(rows_L)
            left = left_L if every else left_L.at(torch.from_numpy(active).to(device), self._active_rows)
            bound_L[active] = np.minimum(bound_L[active], self._at_most(left, start, stop))
            seen_L[active] = stop
        self._bound_N[rows_L], self._seen_N[rows_L] = bound_L, seen_L
        return bound_L

    def _settle(self, points_HP: FloatArray, left_H: CoarseRows) -> FloatArray:
        """Exact squared distances to the nearest centre, from differences to every centre that may be the nearest."""
        total = self._centres
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
            squared_X[part] = squared_distances(points_HP[point_X[part]], self._centre_CP[centre_X[part]])
        if len(points_HP) == 0:
            return np.empty(0)
        return np.minimum.reduceat(squared_X, np.searchsorted(point_X, np.arange(len(points_HP))))


def squared_distances(points: FloatArray, centres: FloatArray) -> FloatArray:
    """Squared distances along the last axis from differences: equal rows give equal values, wherever they stand."""
    difference = points - centres
    return np.asarray(np.square(difference, out=difference).sum(-1))


def _largest(values: FloatArray, count: int) -> tuple[IntArray, float]:
    """Where the `count` largest values lie (picked points left out), and the largest of the rest (PICKED: none left)."""
    if count >= len(values):
        return np.flatnonzero(values != PICKED), PICKED
    order = np.argpartition(values, len(values) - count - 1)
    chosen = order[len(values) - count :]
    return chosen[values[chosen] != PICKED], float(values[order[len(values) - count - 1]])
