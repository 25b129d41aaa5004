"""Gaussian Johnson-Lindenstrauss projection."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from adshift.methods.distances.onednn import product_with


def gaussian_matrix(dim_in: int, dim_out: int, generator: torch.Generator) -> Tensor:
    """Draw a [dim_in, dim_out] float32 matrix with independent entries N(0, 1 / dim_out).

    Squared lengths are kept in expectation (Johnson & Lindenstrauss 1984; Dasgupta & Gupta 2003). The matrix lies on the
    generator's device: a seeded CPU generator gives CPU and CUDA fits the same matrix.
    """
    matrix_DP = torch.randn(dim_in, dim_out, generator=generator, device=generator.device)
    return matrix_DP / math.sqrt(dim_out)


def projection(matrix_DP: Tensor) -> Callable[[Tensor], Tensor]:
    """A function that gives `rows_ND @ matrix_DP` as float32 [N, P], for rows of any floating type on the matrix's device.

    With oneDNN the bits of a row's projection do not depend on the rows beside it: a single row, which is multiplied in
    another order, is taken twice.
    """
    product = product_with(matrix_DP.float())

    def project(rows_ND: Tensor) -> Tensor:
        if len(rows_ND) == 0:
            return rows_ND.new_empty((0, matrix_DP.shape[1]), dtype=torch.float32)
        if len(rows_ND) == 1:
            return product(rows_ND.float().expand(2, -1))[:1]
        return product(rows_ND.float())

    return project
