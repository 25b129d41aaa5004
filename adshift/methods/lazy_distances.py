"""Distances of many points to a growing set of centres, kept only as upper bounds until they matter."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.methods.rounding import distance_slack

CHUNK_ROWS = 16_384
FIRST_BLOCK = 256
BLOCK_CENTRES = {"cpu": 512, "cuda": 4096}
PRODUCT_VALUES = 1 << 22
PICKED = -1.0

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


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

    Products run in float32 on the points' device, on centred points. Their rounding error is bounded a priori, so a
    bound is never below the truth and no centre that may be the nearest is missed; whatever decides a pick is
    computed anew from differences in float64.

    Args:
        points_NP: [N, P] finite floats; rows are gathered when needed, never copied as a whole.
        capacity: the largest number of centres.

    Raises:
        AdshiftError: a value that is not finite.
    """

    def __init__(self, points_NP: Tensor, capacity: int) -> None:
        self._points_NP = points_NP
        size, dim = points_NP.shape
        device = points_NP.device
        self._mean_P = _mean(points_NP)
        self._block = BLOCK_CENTRES["cpu" if device.type == "cpu" else "cuda"]
        self._centre_rows: IntArray = np.empty(0, np.int64)
        self._scaled_CP = torch.empty(capacity, dim, device=device)
        self._norms_C = torch.empty(capacity, device=device)
        self._bound_N: FloatArray = np.full(size, np.inf)
        self._seen_N: IntArray = np.zeros(size, np.int64)
        self._slack = distance_slack(dim, device)

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
        _, centred_KP = self._gather(rows_K)
        self._scaled_CP[start:stop] = centred_KP * -2
        self._norms_C[start:stop] = centred_KP.square().sum(1)
        self._centre_rows = np.concatenate([self._centre_rows, rows_K])
        self._bound_N[rows_K] = PICKED

    def unpicked(self) -> IntArray:
        """Rows that are not centres, ascending."""
        return np.flatnonzero(self._bound_N != PICKED)

    def head(self, pool_rows: int, head_rows: int) -> Head:
        """Bring the `pool_rows` largest bounds up to date and settle exactly those that exceed all the others."""
        pool_L, outside = _largest(self._bound_N, pool_rows)
        squared_L = self._refresh(pool_L, outside)
        kept = np.flatnonzero(squared_L > outside)
        if len(kept) > head_rows:
            strongest, left_out = _largest(squared_L[kept], head_rows)
            kept, outside = kept[strongest], max(outside, left_out)
        rows_H = np.sort(pool_L[kept])
        exact_HP, centred_HP = self._gather(rows_H)
        points_HP = _float64(exact_HP)
        squared_H = self._settle(points_HP, centred_HP)
        self._bound_N[rows_H] = squared_H
        self._seen_N[rows_H] = len(self._centre_rows)
        return Head(rows_H, points_HP, squared_H, outside, complete=outside == PICKED)

    def commit(self, head: Head, picks_K: IntArray) -> None:
        """Store what picking inside the head has learnt: new centres, and exact distances that have seen them."""
        self._bound_N[head.rows_H] = head.squared_H
        self.add_centres(picks_K)
        self._seen_N[head.rows_H] = len(self._centre_rows)

    def _gather(self, rows: IntArray) -> tuple[Tensor, Tensor]:
        """The points themselves, and centred in float32."""
        exact = self._points_NP[torch.from_numpy(rows).to(self._points_NP.device)].to(self._mean_P.dtype)
        return exact, (exact - self._mean_P).float()

    def _first_pass(self, stop: int) -> None:
        """Bound every point by the first centres."""
        scaled_PC, norms_C = self._scaled_CP[:stop].T, self._norms_C[:stop]
        picked = self._bound_N == PICKED
        for start in range(0, len(self._bound_N), CHUNK_ROWS):
            chunk = self._points_NP[start : start + CHUNK_ROWS].to(self._mean_P.dtype)
            centred = (chunk - self._mean_P).float()
            nearest = torch.addmm(norms_C, centred, scaled_PC).amin(1)
            self._bound_N[start : start + CHUNK_ROWS] = self._inflate(nearest, centred.square().sum(1))
        self._bound_N[picked] = PICKED
        self._seen_N[:] = stop

    def _refresh(self, rows_L: IntArray, outside: float) -> FloatArray:
        """Lower the bounds of a pool, oldest unseen centres first; a point that falls below `outside` is left there."""
        total = len(self._centre_rows)
        bound_L, seen_L = self._bound_N[rows_L], self._seen_N[rows_L]
        _, centred_LP = self._gather(rows_L)
        norms_L = centred_LP.square().sum(1)
        for start in range(int(seen_L.min(initial=total)) // self._block * self._block, total, self._block):
            stop = min(start + self._block, total)
            active = np.flatnonzero((seen_L < stop) & (bound_L >= outside))
            if len(active) == 0:
                continue
            chosen = torch.from_numpy(active).to(centred_LP.device)
            product = torch.addmm(self._norms_C[start:stop], centred_LP[chosen], self._scaled_CP[start:stop].T)
            fresh = self._inflate(product.amin(1), norms_L[chosen])
            bound_L[active] = np.minimum(bound_L[active], fresh)
            seen_L[active] = stop
        self._bound_N[rows_L], self._seen_N[rows_L] = bound_L, seen_L
        return bound_L

    def _inflate(self, nearest: Tensor, norms: Tensor) -> FloatArray:
        """From min(|c|^2 - 2 x.c) to an upper bound on the squared distance, rounding included."""
        squared = (nearest.double() + norms.double()).clamp_min(0)
        return (squared * (1 + self._slack) + norms.double() * self._slack).cpu().numpy()

    def _settle(self, points_HP: FloatArray, centred_HP: Tensor) -> FloatArray:
        """Exact squared distances to the nearest centre, from differences to every centre that may be the nearest."""
        total = len(self._centre_rows)
        squared_H = np.empty(len(points_HP))
        step = max(1, PRODUCT_VALUES // total)
        for start in range(0, len(points_HP), step):
            centred = centred_HP[start : start + step]
            norms = centred.square().sum(1)
            product = torch.addmm(self._norms_C[:total], centred, self._scaled_CP[:total].T)
            limit = torch.from_numpy(self._inflate(product.amin(1), norms)).to(product.device)
            limit = limit * (1 + self._slack) + norms.double() * (self._slack - 1)
            reachable = torch.nextafter(limit.float(), limit.new_tensor(torch.inf, dtype=torch.float32))
            pairs = (product <= reachable[:, None]).nonzero().cpu()
            squared_H[start : start + step] = self._nearest_of(points_HP[start : start + step], pairs)
        return squared_H

    def _nearest_of(self, points_HP: FloatArray, pairs_X2: Tensor) -> FloatArray:
        """Smallest exact squared distance of each point over its (point, centre) pairs, sorted by point."""
        squared_X = np.empty(len(pairs_X2))
        for start in range(0, len(pairs_X2), CHUNK_ROWS):
            point, centre = pairs_X2[start : start + CHUNK_ROWS].numpy().T
            centres, _ = self._gather(self._centre_rows[centre])
            squared_X[start : start + CHUNK_ROWS] = squared_distances(points_HP[point], _float64(centres))
        if len(points_HP) == 0:
            return np.empty(0)
        starts = np.searchsorted(pairs_X2[:, 0].numpy(), np.arange(len(points_HP)))
        return np.minimum.reduceat(squared_X, starts)


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
