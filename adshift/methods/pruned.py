"""Which bank vectors can be among a query's k nearest: exact pruning by distances in a few principal directions."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adshift.methods.coarse import CoarseBounds, coarse_rows, coarse_type, padded, within
from adshift.methods.pairs import Pairs, pair_products
from adshift.methods.rounding import distance_slack

BLOCKS = (128, 64, 32)
FEWEST_BLOCKS = 64
BASIS_ROWS = 4096
RANKS = {torch.float32: (64, 160), torch.bfloat16: (96, 160)}
FAR = 1e38
BASIS_STEPS = 3


@dataclass(frozen=True)
class Workspace:
    """Memory that one search writes over chunk by chunk: fresh pages would cost a good part of the product."""

    products: Tensor
    kept_QB: NDArray[np.bool_]


class PrunedIndex:
    """A bank prepared for exact pruned search on the CPU.

    For an orthonormal basis, the distance inside its span plus the difference of the residual norms bounds the distance
    from below: |q - m|^2 >= |q_r - m_r|^2 + (|q_rest| - |m_rest|)^2. One coarse product (`adshift.methods.coarse`) in the
    first few principal directions bounds every pair; the k smallest bounds, computed in full, give a distance that the
    k-th neighbour cannot exceed; pairs that the bound leaves are bounded again in more directions, then computed in full.
    All of it with the rounding error bounded, so that no neighbour is lost.

    Args:
        centred_MD: float32 bank rows, less their mean.
        ranks: directions of the first and of the second bound (taken as D where D is smaller).
    """

    def __init__(self, centred_MD: Tensor, ranks: tuple[int, int] | None = None) -> None:
        size, dim = centred_MD.shape
        dtype = coarse_type(centred_MD.device)
        first, second = ranks or RANKS[dtype]
        self._first = min(first, dim)
        self._basis_DR = principal_basis(centred_MD, min(second, dim))
        self._slack = distance_slack(dim, centred_MD.device)
        self._centred_MD = centred_MD
        self._norms_M = centred_MD.square().sum(1)
        coarse_MF, fine_MR = self._coordinates(centred_MD)
        self._scaled_MR = torch.cat([-2 * fine_MR, self._norms_M[:, None]], 1)
        self._block = next((block for block in BLOCKS if size >= FEWEST_BLOCKS * block), BLOCKS[-1])
        rows = coarse_rows(coarse_MF, dtype)
        self._bounds = CoarseBounds(coarse_MF.shape[1], dtype, centred_MD.device, rows.relative_error())
        self._right_BK = torch.zeros(-(-size // self._block) * self._block, rows.left_XK.shape[1], dtype=dtype)
        self._right_BK[:, -1] = FAR  # rows that fill the last block up
        self._right_BK[:size] = rows.right()

    def workspace(self, queries: int) -> Workspace:
        """Memory for chunks of at most `queries`."""
        columns = len(self._right_BK)
        products = torch.empty(padded(queries) * columns, dtype=self._right_BK.dtype)
        return Workspace(products, np.empty((queries, columns), dtype=np.bool_))

    def candidates(self, centred_QD: Tensor, k: int, workspace: Workspace) -> Pairs:
        """All pairs that can be among the k nearest of their query (k <= M), and few others."""
        queries = len(centred_QD)
        norms_Q = centred_QD.square().sum(1)
        coarse_QF, fine_QR = self._coordinates(centred_QD)
        left_Q = coarse_rows(coarse_QF, self._right_BK.dtype)
        bound_QB = self._bounds.product(left_Q, self._right_BK, workspace.products)
        reached_Q = self._squared(centred_QD, self._promising(bound_QB, k)).view(-1, k).amax(1)
        limit_Q = self._widened(reached_Q, norms_Q)
        farthest_Q = (limit_Q.double() + norms_Q.double()).clamp_min(0).sqrt().numpy()
        row, column = within(bound_QB, self._bounds.threshold(farthest_Q, left_Q), workspace.kept_QB[:queries])
        pairs = Pairs(row, column, queries)
        if self._basis_DR.shape[1] > self._first:
            fine_QR = torch.cat([fine_QR, torch.ones(len(fine_QR), 1)], 1)
            pairs = pairs.where(pair_products(fine_QR, self._scaled_MR, pairs) <= limit_Q[torch.from_numpy(row)])
        squared_X = self._squared(centred_QD, pairs)
        kth_Q = pairs.padded(squared_X, torch.inf).topk(k, largest=False).values[:, -1]
        return pairs.where(squared_X <= self._widened(kth_Q, norms_Q)[torch.from_numpy(pairs.row_X)])

    def _coordinates(self, centred_QD: Tensor) -> tuple[Tensor, Tensor]:
        """Coordinates in the first and in all directions of the basis, each followed by the norm of what is left."""
        inside_QR = centred_QD @ self._basis_DR
        rest_Q = torch.linalg.vector_norm(centred_QD - inside_QR @ self._basis_DR.T, dim=1, keepdim=True)
        fine_QR = torch.cat([inside_QR, rest_Q], 1)
        outside_Q = torch.linalg.vector_norm(fine_QR[:, self._first :], dim=1, keepdim=True)
        return torch.cat([inside_QR[:, : self._first], outside_Q], 1), fine_QR

    def _promising(self, bound_QB: Tensor, k: int) -> Pairs:
        """k columns a query with small bounds: each of the k best blocks' smallest, or of all if blocks are few."""
        queries, columns = bound_QB.shape
        if columns < 4 * k * self._block:
            chosen = bound_QB.topk(k, largest=False).indices.numpy()
        else:
            blocks = bound_QB.view(queries, -1, self._block)
            best = blocks.amin(2).topk(k, largest=False).indices
            inside = blocks.numpy()[np.arange(queries)[:, None], best.numpy()].argmin(2)
            chosen = best.numpy() * self._block + inside
        return Pairs(np.repeat(np.arange(queries), k), np.sort(chosen, axis=1).ravel(), queries)

    def _squared(self, centred_QD: Tensor, pairs: Pairs) -> Tensor:
        """The pairs' squared distances, less the query's squared norm."""
        return self._norms_M[torch.from_numpy(pairs.column_X)] - 2 * pair_products(centred_QD, self._centred_MD, pairs)

    def _widened(self, reduced_Q: Tensor, norms_Q: Tensor) -> Tensor:
        """What a computed value may reach when the true one is at most the true value behind `reduced_Q`."""
        squared_Q = (reduced_Q + norms_Q).clamp_min(0)
        return reduced_Q + 3 * self._slack * (squared_Q + norms_Q)


def principal_basis(centred_MD: Tensor, rank: int) -> Tensor:
    """Orthonormal [D, rank] float32 columns near the leading principal directions, by subspace iteration on some rows.

    Any orthonormal basis keeps the search exact; a better one leaves fewer pairs (Halko et al.,
    SIAM Review 2011, Algorithm 4.4).
    """
    rows = centred_MD[:: max(1, len(centred_MD) // BASIS_ROWS)]
    basis_DR = torch.randn(centred_MD.shape[1], rank, generator=torch.Generator().manual_seed(0))
    for _ in range(BASIS_STEPS):
        basis_DR = torch.linalg.qr(rows.T @ (rows @ basis_DR)).Q
    seen = (rows @ basis_DR).double()
    _, turn = torch.linalg.eigh(seen.T @ seen)
    exact_DR: Tensor = torch.linalg.qr(basis_DR.double() @ turn.flip(1)).Q
    return exact_DR.float()
