"""Which bank vectors can be among a query's k nearest: exact pruning by one coarse matrix product."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adshift.methods.distances.coarse import CoarseForm, CoarseRows, FloatArray, IntArray, coarse_type, within
from adshift.methods.distances.coarse_bytes import ByteForm
from adshift.methods.distances.coarse_floats import FloatForm
from adshift.methods.distances.huge_pages import Scratch
from adshift.methods.distances.onednn import product_with
from adshift.methods.distances.pairs import Pairs, pair_products
from adshift.methods.distances.rounding import distance_slack, unit_roundoff

RANK = 128
"""Directions of the bound. On two AVX2 cores 64 of 384 took 83 ms for 784 patches of the lamp that a bank of 10,032 was
fitted under and 110 ms under another, 128 took 57 to 78 and 66 to 82; 192 and more took longer."""
WHOLE_ROWS = {torch.float32: 0, torch.bfloat16: 4096, torch.int8: 1 << 62}
"""Banks of up to this many rows are compared in all dimensions: finding the coordinates would take as long."""
WIDEST_BYTES = 512
"""Rows of up to this many dimensions are compared in int8, which takes all of them; a bound in few directions is
cheaper for wider ones (1,536: 0.6 s against 1.5 s where int8 is four times as fast as float32)."""
PARTS = (64, 32, 16)
FEWEST_COLUMNS = 128
CENTRING = 1e-6
"""More than what float32 coordinates about the mean may move a row by, of its length."""
FEW_PAIRS = 3
"""Up to this many times k pairs a query are not thinned out before their distances are computed in full."""
BASIS_ROWS = 4096
BASIS_STEPS = 3


@dataclass(frozen=True)
class Workspace:
    """Memory that one search writes over chunk by chunk: fresh pages would cost a good part of the product."""

    products: Scratch
    kept_QB: NDArray[np.bool_]


class PrunedIndex:
    """A bank prepared for exact pruned search on the CPU.

    For an orthonormal basis, the distance inside its span plus the difference of the residual norms bounds the distance
    from below: |q - m|^2 >= |q_r - m_r|^2 + (|q_rest| - |m_rest|)^2. One coarse product (`distances.coarse`) in the
    leading principal directions bounds every pair; k pairs with small bounds, computed in full, give a distance that
    the k-th neighbour cannot exceed; pairs that the bound leaves are computed in full. A small bank, or any of short rows
    where products run in int8, is compared in all dimensions, where the product bounds distances from above as well. All of
    it with the rounding error bounded, so that no neighbour is lost.

    Args:
        centred_MD: float32 bank rows, less their mean.
        rank: directions of the bound; D and more: all dimensions as they are. None chooses.
    """

    def __init__(self, centred_MD: Tensor, rank: int | None = None) -> None:
        size, dim = centred_MD.shape
        dtype = coarse_type(centred_MD.device)
        grid = None
        if dtype == torch.int8:
            whole = rank >= dim if rank is not None else dim <= WIDEST_BYTES
            grid = _grid(centred_MD) if whole else None
            dtype = torch.float32 if grid is None else dtype
        if rank is None:
            rank = dim if size <= WHOLE_ROWS[dtype] else RANK
        self._slack = distance_slack(dim, centred_MD.device)
        self._wrong = 2 * dim * unit_roundoff(centred_MD.device)
        self._basis_DR = principal_basis(centred_MD, rank) if rank < dim else None
        self._coordinates = None if self._basis_DR is None else product_with(self._basis_DR)
        self._centred_MD = centred_MD
        self._norms_M = centred_MD.square().sum(1)
        inside = dim if self._basis_DR is None else rank + 1
        self._form: CoarseForm = grid or FloatForm(inside, dtype, centred_MD.device)
        self._parts = next((parts for parts in PARTS if size >= FEWEST_COLUMNS * parts), 1)
        columns = -(-size // self._parts)
        self._right_BK = torch.zeros(columns * self._parts, self._form.width, dtype=dtype)
        self._right_BK[:size] = self._form.right(self._coarse(centred_MD, self._norms_M))

    def workspace(self, queries: int) -> Workspace:
        """Memory for chunks of at most `queries`."""
        columns = len(self._right_BK)
        products = Scratch(self._form.entry_type, self._centred_MD.device)
        return Workspace(products, np.empty((queries, columns), dtype=np.bool_))

    def candidates(self, centred_QD: Tensor, k: int, workspace: Workspace, within_Q: FloatArray | None = None) -> Pairs:
        """All pairs that can be among the k nearest of their query (k <= M), and few others.

        With ``within_Q``, a distance for each query, those that are farther may be missing: a query may have no pair.
        """
        queries = len(centred_QD)
        norms_Q = centred_QD.square().sum(1)
        left_Q = self._coarse(centred_QD, norms_Q)
        bound_QB = self._form.product(left_Q, self._right_BK, workspace.products)
        bound_QB[:, len(self._centred_MD) :] = torch.iinfo(bound_QB.dtype).max  # what fills the last part up
        if self._basis_DR is None:
            limit_Q = self._form.at_most(torch.from_numpy(self._kth_bound(bound_QB, k)), left_Q)
        else:
            reached_Q = self._squared(centred_QD, self._promising(bound_QB, k)).view(-1, k).amax(1)
            limit_Q = self._distance(self._widened(reached_Q, norms_Q), norms_Q)
        reach_Q = None if within_Q is None else self._reach(within_Q, norms_Q)
        if reach_Q is not None:
            limit_Q = np.minimum(limit_Q, reach_Q)
        row, column = within(bound_QB, self._form.threshold(limit_Q, left_Q), workspace.kept_QB[:queries])
        pairs = Pairs(row, column, queries)
        if len(row) < FEW_PAIRS * k * queries:
            return pairs
        squared_X = self._squared(centred_QD, pairs)
        padded_QC = pairs.padded(squared_X, torch.inf, k).numpy()
        kth_Q = torch.from_numpy(np.partition(padded_QC, k - 1, axis=1)[:, k - 1])
        if reach_Q is not None:
            kth_Q = torch.minimum(kth_Q, torch.from_numpy(np.square(reach_Q)).float() - norms_Q)
        return pairs.where(squared_X <= self._widened(kth_Q, norms_Q)[torch.from_numpy(row)])

    def _coarse(self, centred_QD: Tensor, norms_Q: Tensor) -> CoarseRows:
        """Rows in the coordinates of the bound: the leading directions and the norm of what is left, or all."""
        if self._coordinates is None:
            return self._form.rows(centred_QD)
        inside_QR = self._coordinates(centred_QD)
        rest_Q = (norms_Q - inside_QR.square().sum(1)).clamp_min(0).sqrt()
        rows = self._form.rows(torch.cat([inside_QR, rest_Q[:, None]], 1))
        wrong_Q = self._wrong * norms_Q  # what a square, and so their difference, may be wrong by; then its root
        error_Q = torch.minimum(wrong_Q.sqrt(), wrong_Q / rest_Q.clamp_min(1e-30))
        error_Q += (
            rows.error_X + self._wrong * sqrt(inside_QR.shape[1]) * norms_Q.sqrt()
        )  # coordinates are wrong as well
        return CoarseRows(rows.left_XK, rows.norm_X + error_Q, error_Q)

    def _parted(self, bound_QB: Tensor) -> Tensor:
        """The smallest bound at each place of the bank's parts."""
        return bound_QB.view(len(bound_QB), self._parts, -1).amin(1)

    def _kth_bound(self, bound_QB: Tensor, k: int) -> NDArray[np.generic]:
        """A bound a query that k columns at least do not exceed."""
        small = self._parted(bound_QB) if bound_QB.shape[1] // self._parts >= 2 * k else bound_QB
        return np.ascontiguousarray(np.partition(small.numpy(), k - 1, axis=1)[:, k - 1])

    def _promising(self, bound_QB: Tensor, k: int) -> Pairs:
        """k columns a query with small bounds."""
        queries, columns = bound_QB.shape
        if columns // self._parts < 4 * k:
            chosen: IntArray = np.argpartition(bound_QB.numpy(), k - 1, axis=1)[:, :k]
        else:
            places = self._parted(bound_QB).topk(k, dim=1, largest=False, sorted=False).indices.numpy()
            parted = bound_QB.numpy().reshape(queries, self._parts, -1)
            part = parted[np.arange(queries)[:, None], :, places].argmin(2)
            chosen = part * (columns // self._parts) + places
        return Pairs(np.repeat(np.arange(queries), k), np.sort(chosen, axis=1).ravel(), queries)

    def _squared(self, centred_QD: Tensor, pairs: Pairs) -> Tensor:
        """The pairs' squared distances, less the query's squared norm."""
        return self._norms_M[torch.from_numpy(pairs.column_X)] - 2 * pair_products(centred_QD, self._centred_MD, pairs)

    def _widened(self, reduced_Q: Tensor, norms_Q: Tensor) -> Tensor:
        """What a computed value may reach when the true one is at most the true value behind `reduced_Q`."""
        squared_Q = (reduced_Q + norms_Q).clamp_min(0)
        return reduced_Q + 3 * self._slack * (squared_Q + norms_Q)

    def _reach(self, within_Q: FloatArray, norms_Q: Tensor) -> FloatArray:
        """What the distance of two centred rows may be where that of the rows themselves is at most `within_Q`."""
        lengths_Q: FloatArray = np.sqrt(norms_Q.double().numpy())
        return within_Q + CENTRING * (within_Q + lengths_Q)

    def _distance(self, reduced_Q: Tensor, norms_Q: Tensor) -> FloatArray:
        return np.asarray((reduced_Q.double() + norms_Q.double()).clamp_min(0).sqrt().numpy())


def _grid(centred_MD: Tensor) -> ByteForm | None:
    """The int8 form of a bank, where it tells the bank's rows apart."""
    form = ByteForm.spanning([centred_MD])
    return form if form.resolves(centred_MD) else None


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
