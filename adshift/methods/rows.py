"""Rows of several tensors that are too large, or mapped from too many files, to be put into one."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def rows_of_parts(parts: Sequence[Tensor], index_M: Tensor) -> Tensor:
    """The rows [M, D] at ``index_M``, which counts through all ``parts`` [n, D], in the order of ``index_M``.

    Only these rows are read and copied.
    """
    if len(parts) == 1:
        return parts[0][index_M]
    found_MD = parts[0].new_empty((len(index_M), parts[0].shape[1]))
    start = 0
    for part in parts:
        inside_M = (index_M >= start) & (index_M < start + len(part))
        found_MD[inside_M] = part[index_M[inside_M] - start]
        start += len(part)
    return found_MD
