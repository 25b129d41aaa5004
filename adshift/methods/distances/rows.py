"""Rows of several tensors that are too large, or mapped from too many files, to be put into one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def rows_of_parts(parts: Sequence[Tensor], index_M: Tensor) -> Tensor:
    """The rows [M, D] at ``index_M``, which counts through all ``parts`` [n, D], in the order of ``index_M``.

    Only these rows are read and copied.
    """
    if len(parts) == 1:
        return parts[0][index_M]
    end_P = torch.tensor([len(part) for part in parts], device=index_M.device).cumsum(0)
    number_M = torch.bucketize(index_M, end_P, right=True)
    found_MD = parts[0].new_empty((len(index_M), parts[0].shape[1]))
    numbers, counts = number_M.unique(return_counts=True)
    for number, place_X in zip(numbers.tolist(), number_M.argsort().split(counts.tolist()), strict=True):
        start = int(end_P[number]) - len(parts[number])
        found_MD[place_X] = parts[number][index_M[place_X] - start]
    return found_MD
