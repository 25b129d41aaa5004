"""What a memory bank would score that is extended by any of some pictures: neighbours are searched once, then merged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from adshift.methods.alignment import Alignment
from adshift.methods.reweighting import reweighted_scores
from adshift.methods.search.neighbours import NeighbourSearch


class BankRehearsal:
    """Image scores of some queries under banks that are not made.

    The neighbours of a query in the bank and in what each part adds are found once; those in a bank with any of the parts
    are the nearest of all of them. An alignment, which moves the bank, asks for a search of its own.

    Args:
        bank_MD: the memory bank.
        query_QhwD: embeddings of Q images.
        neighbours: k of the reweighting.
    """

    def __init__(self, bank_MD: Tensor, query_QhwD: Tensor, neighbours: int) -> None:
        self._bank_MD = bank_MD
        self._query_QPD = query_QhwD.flatten(1, 2)
        self._neighbours = neighbours
        self._of_bank: dict[int, Tensor] = {}

    def extended(
        self, parts: Sequence[Sequence[Tensor]], weight: float, keep: float
    ) -> Callable[[Sequence[int], Sequence[int], Alignment | None], Tensor]:
        """See ``Rehearsal``; ``weight`` is for statistics."""
        added = [self._found(torch.cat([rows.to(self._bank_MD) for rows in part]), self._query_QPD) for part in parts]
        count = kept_rows(len(self._bank_MD), keep)

        def scores(queries: Sequence[int], kept: Sequence[int], alignment: Alignment | None) -> Tensor:
            places = list(queries)
            if alignment is None:
                if count not in self._of_bank:
                    self._of_bank[count] = self._found(self._bank_MD[:count], self._query_QPD)
                own_QPk = self._of_bank[count][places]
            else:
                own_QPk = self._found(alignment(self._bank_MD[:count]), self._query_QPD[places])
            all_QPn = torch.cat([own_QPk, *(added[part][places] for part in kept)], dim=-1)
            nearest_QPk = all_QPn.topk(min(self._neighbours, all_QPn.shape[-1]), largest=False).values
            score_QP = reweighted_scores(nearest_QPk.flatten(0, 1).float()).view(nearest_QPk.shape[:2])
            return score_QP.amax(dim=1)

        return scores

    def _found(self, bank_MD: Tensor, query_QPD: Tensor) -> Tensor:
        """Distances of the nearest rows, [Q, P, k]."""
        distance_Rk = NeighbourSearch(bank_MD).search(query_QPD.flatten(0, 1), self._neighbours).distance_Qk
        return distance_Rk.view(*query_QPD.shape[:2], -1)


def kept_rows(rows: int, keep: float) -> int:
    """How many of a bank's rows a share of it is, at least one."""
    return max(1, int(rows * keep))
