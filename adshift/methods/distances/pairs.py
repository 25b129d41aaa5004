"""Products and distances of chosen (query, bank) pairs only, on the CPU."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Pairs in ascending order of the query row, then of the bank row.

    Attributes:
        row_X: query rows.
        column_X: bank rows.
        queries: number of queries; one may have no pair.
    """

    row_X: IntArray
    column_X: IntArray
    queries: int

    @property
    def starts(self) -> IntArray:
        """Where each query's pairs begin, and the end: queries + 1 numbers."""
        return np.searchsorted(self.row_X, np.arange(self.queries + 1))

    def where(self, kept_X: Tensor) -> "Pairs":
        """The pairs for which `kept_X` is true."""
        kept = kept_X.numpy()
        return Pairs(self.row_X[kept], self.column_X[kept], self.queries)

    def padded(self, value_X: Tensor, fill: float, least: int = 0) -> Tensor:
        """A row a query with its values in order, filled up to the longest, and to `least` columns."""
        starts = self.starts
        place = np.arange(len(self.row_X)) - starts[self.row_X]
        padded = value_X.new_full((self.queries, int(np.diff(starts).max(initial=least))), fill)
        padded[torch.from_numpy(self.row_X), torch.from_numpy(place)] = value_X
        return padded


def pair_products(left_QD: Tensor, right_MD: Tensor, pairs: Pairs) -> Tensor:
    """Dot products of the pairs' rows: reads the rows where they lie instead of gathering copies of them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        wanted = torch.sparse_csr_tensor(
            torch.from_numpy(pairs.starts),
            torch.from_numpy(pairs.column_X),
            torch.zeros(len(pairs.column_X), dtype=left_QD.dtype),
            size=(len(left_QD), len(right_MD)),
            check_invariants=False,
        )
    products: Tensor = torch.sparse.sampled_addmm(wanted, left_QD, right_MD.T, beta=0.0).values()
    return products
