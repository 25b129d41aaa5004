"""The greedy order of the train patches, kept so that every coreset ratio is a prefix or a continuation of one order."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adshift.methods.coreset.greedy import greedy_coreset
from adshift.methods.coreset.lazy_distances import Bounds
from adshift.methods.method import Scope
from adshift.store.keys import code

ORDER = "order.npz"


@dataclass(frozen=True)
class Order:
    """The first M picks of k-center greedy.

    Attributes:
        indices_M: int64 rows of the embedding, in pick order.
        radius_M: float64, the covering radius after each pick.
        second_M: float64, the seconds that had been spent when each pick was there. A search learns it where it ends: all
            the picks of one search carry its end.
        bounds: what a continuation of the whole order starts from.
    """

    indices_M: Tensor
    radius_M: Tensor
    second_M: Tensor
    bounds: Bounds


def greedy_order(parts: Sequence[Tensor], count: int, projection_dim: int, seed: int, scope: Scope | None) -> Order:
    """At least the first ``count`` picks; with a scope a stored order is taken as it is, or continued if it is shorter.

    ``parts`` are [n, D] rows, memory-mapped or not; an index counts through all of them.
    """
    if scope is None:
        return _continued(parts, count, projection_dim, seed, None)

    def make(folder: Path, present: Path | None) -> None:
        start = None if present is None else _read(present)
        _write(folder, _continued(parts, count, projection_dim, seed, start))

    key = {"projection_dim": projection_dim, "seed": seed, **code(__name__)}
    return scope.fetch("orders", key, make, _read, enough=lambda folder: len(_read(folder).indices_M) >= count)


def _continued(parts: Sequence[Tensor], count: int, projection_dim: int, seed: int, start: Order | None) -> Order:
    started = time.perf_counter()
    coreset = greedy_coreset(
        parts,
        count,
        generator=torch.Generator().manual_seed(seed),
        projection_dim=projection_dim,
        prefix_P=None if start is None else start.indices_M,
        bounds=None if start is None else start.bounds,
        progress=True,
    )
    spent = time.perf_counter() - started
    if start is None:
        seconds = torch.full((count,), spent, dtype=torch.float64)
        return Order(coreset.indices_M, coreset.radius_M, seconds, coreset.bounds)
    known = len(start.indices_M)
    seconds = torch.full((count - known,), float(start.second_M[-1]) + spent, dtype=torch.float64)
    return Order(
        coreset.indices_M,
        torch.cat([start.radius_M, coreset.radius_M[known:]]),
        torch.cat([start.second_M, seconds]),
        coreset.bounds,
    )


def _write(folder: Path, order: Order) -> None:
    arrays = {name: getattr(order, name).numpy() for name in ("indices_M", "radius_M", "second_M")}
    np.savez(folder / ORDER, **arrays, squared_N=order.bounds.squared_N, seen_N=order.bounds.seen_N)


def _read(folder: Path) -> Order:
    with np.load(folder / ORDER, allow_pickle=False) as stored:
        indices_M, radius_M, second_M = (torch.from_numpy(stored[n]) for n in ("indices_M", "radius_M", "second_M"))
        return Order(indices_M, radius_M, second_M, Bounds(stored["squared_N"], stored["seen_N"]))
