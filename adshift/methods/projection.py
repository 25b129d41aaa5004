"""Gaussian Johnson-Lindenstrauss projection, done in chunks so that the embeddings are never held twice."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from adshift.methods.huge_pages import large_empty
from adshift.methods.onednn import product_with

CHUNK_ROWS = 4096


def gaussian_matrix(dim_in: int, dim_out: int, generator: torch.Generator) -> Tensor:
    """Draw a [dim_in, dim_out] float32 matrix with independent entries N(0, 1 / dim_out).

    Squared lengths are kept in expectation (Johnson & Lindenstrauss 1984; Dasgupta & Gupta 2003). The matrix lies on the
    generator's device: a seeded CPU generator gives CPU and CUDA fits the same matrix.
    """
    matrix_DP = torch.randn(dim_in, dim_out, generator=generator, device=generator.device)
    return matrix_DP / math.sqrt(dim_out)


def project(embedding_ND: Tensor, matrix_DP: Tensor) -> Tensor:
    """Return `embedding_ND @ matrix_DP` as float32 [N, P] on the embedding's device; see `project_parts`."""
    return project_parts([embedding_ND], matrix_DP)


def project_parts(parts: Sequence[Tensor], matrix_DP: Tensor) -> Tensor:
    """Return the rows of all parts, one part after another, times `matrix_DP` as float32 [N, P] on the parts' device.

    A part may be a memory-mapped CPU tensor of any floating type: it is read once, chunk by chunk.
    """
    device = parts[0].device
    matrix_DP = matrix_DP.to(device=device, dtype=torch.float32)
    projected_NP = large_empty(sum(map(len, parts)), matrix_DP.shape[1], dtype=torch.float32, device=device)
    product = product_with(matrix_DP)
    place = 0
    for part in parts:
        for chunk in part.split(CHUNK_ROWS):
            projected_NP[place : place + len(chunk)] = product(chunk.float())
            place += len(chunk)
    return projected_NP
