"""The greedy order of the train patches, kept so that every coreset ratio is a prefix or a continuation of one order."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adshift.methods.coreset import greedy_coreset
from adshift.methods.method import Scope

ORDER = "order.npz"


@dataclass(frozen=True)
class Order:
    """The first M picks of k-center greedy.

    Attributes:
        indices_M: int64 rows of the embedding, in pick order.
        radius_M: float64, the covering radius after each pick.
        second_M: float64, the seconds that had been spent when each pick was there. A search learns it where it ends: all
            the picks of one search carry its end.
    """

    indices_M: Tensor
    radius_M: Tensor
    second_M: Tensor

    @property
    def radius(self) -> float:
        """The covering radius after the last pick."""
        return float(self.radius_M[-1])

    @property
    def seconds(self) -> float:
        """What the order costs (at most: a prefix of one search carries the cost of that search)."""
        return float(self.second_M[-1])

    def prefix(self, count: int) -> Order:
        """The first ``count`` picks."""
        return Order(self.indices_M[:count], self.radius_M[:count], self.second_M[:count])


def greedy_order(embedding_ND: Tensor, count: int, projection_dim: int, seed: int, scope: Scope | None) -> Order:
    """The first ``count`` picks; with a scope, as the prefix of a longer stored order or the continuation of a shorter."""
    if scope is None:
        return _continued(embedding_ND, count, projection_dim, seed, None)

    def make(folder: Path, present: Path | None) -> None:
        start = None if present is None else _read(present)
        order = _continued(embedding_ND, count, projection_dim, seed, start)
        arrays = {name: getattr(order, name).numpy() for name in ("indices_M", "radius_M", "second_M")}
        np.savez(folder / ORDER, **arrays)

    found = scope.fetch(
        "orders",
        {"projection_dim": projection_dim, "seed": seed},
        make,
        _read,
        enough=lambda folder: len(_read(folder).indices_M) >= count,
    )
    return found.prefix(count)


def _continued(embedding_ND: Tensor, count: int, projection_dim: int, seed: int, start: Order | None) -> Order:
    started = time.perf_counter()
    generator = torch.Generator().manual_seed(seed)
    coreset = greedy_coreset(
        embedding_ND,
        count,
        generator=generator,
        projection_dim=projection_dim,
        prefix_P=None if start is None else start.indices_M,
        progress=True,
    )
    spent = time.perf_counter() - started
    if start is None:
        return Order(coreset.indices_M, coreset.radius_M, torch.full((count,), spent, dtype=torch.float64))
    known = len(start.indices_M)
    return Order(
        coreset.indices_M,
        torch.cat([start.radius_M, coreset.radius_M[known:]]),
        torch.cat([start.second_M, torch.full((count - known,), start.seconds + spent, dtype=torch.float64)]),
    )


def _read(folder: Path) -> Order:
    with np.load(folder / ORDER, allow_pickle=False) as stored:
        return Order(*(torch.from_numpy(stored[name]) for name in ("indices_M", "radius_M", "second_M")))
