"""The search of a bank whose first rows were searched before: it looks at the others alone."""

from __future__ import annotations

import torch
from torch import Tensor

from adshift.methods.search.neighbours import Neighbours, NeighbourSearch


class ContinuedSearch:
    """Exact L2 search in a bank, from what is known of its first rows: bit for bit what ``NeighbourSearch`` finds in it.

    That rests on two things: the distance of a pair comes out the same whatever else is searched, and both searches put
    the lowest row first among equal distances. The first is so on the CPU, where the store relies on it.

    Args:
        bank_MD: the memory bank, as for ``NeighbourSearch``.
        first: how many rows are known, 0 to M.
        backend: of the search in the other rows.
    """

    def __init__(self, bank_MD: Tensor, first: int, backend: str = "auto") -> None:
        self._first = first
        self._others = NeighbourSearch(bank_MD[first:], backend) if first < len(bank_MD) else None

    def search(self, query_QD: Tensor, k: int, known: Neighbours) -> Neighbours:
        """The min(k, M) nearest neighbours in the bank.

        Args:
            query_QD: queries, as for ``NeighbourSearch.search``.
            k: neighbours wanted, >= 1.
            known: the min(k, first) nearest of these queries among the first rows.
        """
        if self._others is None:
            return known
        within_Q = known.distance_Qk[:, k - 1] if known.distance_Qk.shape[1] == k else None
        found = self._others.search(query_QD, k, within_Q)
        distance_QC = torch.cat([known.distance_Qk, found.distance_Qk], 1)
        row_QC = torch.cat([known.row_Qk, found.row_Qk + self._first], 1)
        distance_QC, place_QC = distance_QC.sort(dim=1, stable=True)
        return Neighbours(distance_QC[:, :k], row_QC.gather(1, place_QC[:, :k]))


def nothing_known(query_QD: Tensor) -> Neighbours:
    """What is known where no row was searched before."""
    empty_Q0 = query_QD.new_empty(len(query_QD), 0, dtype=torch.float64)
    return Neighbours(empty_Q0, empty_Q0.long())
