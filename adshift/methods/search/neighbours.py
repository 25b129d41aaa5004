"""Exact k-nearest-neighbour search in a memory bank, with the same answer from every backend."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.methods.distances.coarse import coarse_type
from adshift.methods.distances.finite import all_finite
from adshift.methods.distances.pairs import Pairs, pair_products
from adshift.methods.distances.rounding import distance_slack
from adshift.methods.search.pruned import PrunedIndex, Workspace

BACKENDS = ("auto", "faiss", "torch", "pruned")
FAISS_QUERIES = 4096
PRODUCT_VALUES = 1 << 24
PRUNED_FROM = (1024, 256)
SPARE = 4
CANCELLED = 1e-6


class Neighbours(NamedTuple):
    """The nearest bank vectors of queries, ascending; of equal distances the lowest row comes first."""

    distance_Qk: Tensor
    """float64, L2, not squared."""
    row_Qk: Tensor
    """int64 rows of the bank."""


class NeighbourSearch:
    """Exact L2 search in a bank of vectors.

    Args:
        bank_MD: the memory bank, finite floats, M >= 1 rows; searched as float32, on its device.
        backend: `faiss` (IndexFlatL2, CPU), `torch` (any device), `pruned` (CPU, `pruned` beside this), or `auto`: the
            one that measured fastest. On the CPU that is `pruned` where its products run in int8 or bfloat16 or the bank is
            large (PRUNED_FROM), else `faiss` where it is installed, else `torch`; on other devices `torch`.

    Raises:
        AdshiftError: empty or non-finite bank, unknown backend, a backend that is not installed or not for this device.

    A backend only proposes candidates. Their distances are computed anew in float64 and sorted (equal distances: the
    lowest row first). Where float32 rounding could have hidden a neighbour from the backend, all vectors within the
    rounding are looked at, so every backend gives the true neighbours, bit for bit the same on one device.
    """

    def __init__(self, bank_MD: Tensor, backend: str = "auto") -> None:
        self.bank_MD = check_bank(bank_MD)
        self.backend = _resolve(backend, self.bank_MD)
        self._mean_D = self.bank_MD.mean(0)
        self._centred_MD = self.bank_MD - self._mean_D
        self._norms_M = self._centred_MD.square().sum(1)
        self._exact = _ExactDistances(self.bank_MD)
        self._pruned = PrunedIndex(self._centred_MD) if self.backend == "pruned" else None
        self._faiss = _faiss_index(self._centred_MD) if self.backend == "faiss" else None

    def search(self, query_QD: Tensor, k: int, within_Q: Tensor | None = None) -> Neighbours:
        """Return the min(k, M) nearest neighbours.

        Args:
            query_QD: finite queries, D as in the bank, on the bank's device.
            k: neighbours wanted, >= 1; where it exceeds the bank's M rows, all M are returned.
            within_Q: float64, for each query a distance beyond which none is wanted; that spares work. Those farther may
                come or may be missing: their distance is then infinite, their row 0.

        Returns:
            min(k, M) columns, on the query's device.

        Raises:
            AdshiftError: k < 1, queries of another dimension or with values that are not finite.
        """
        k, size = check_query(query_QD, k, self.bank_MD), len(self.bank_MD)
        query_QD = query_QD.detach()
        distance_Qk = torch.empty(len(query_QD), k, dtype=torch.float64, device=query_QD.device)
        row_Qk = torch.empty(len(query_QD), k, dtype=torch.int64, device=query_QD.device)
        step = FAISS_QUERIES if self._faiss is not None else min(max(PRODUCT_VALUES // size, 64), FAISS_QUERIES)
        workspace = None if self._pruned is None else self._pruned.workspace(min(step, len(query_QD)))
        for start in range(0, len(query_QD), step):
            chunk = slice(start, start + step)
            limit_Q = None if within_Q is None else within_Q[chunk]
            distance_Qk[chunk], row_Qk[chunk] = self._nearest(query_QD[chunk].float(), k, workspace, limit_Q)
        return Neighbours(distance_Qk, row_Qk)

    def _nearest(
        self, query_QD: Tensor, k: int, workspace: Workspace | None, within_Q: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        centred_QD = query_QD - self._mean_D
        if self._pruned is not None and workspace is not None:
            limit_Q = None if within_Q is None else within_Q.numpy()
            pairs = self._pruned.candidates(centred_QD, k, workspace, limit_Q)
        else:
            pairs = self._candidates(centred_QD, k)
        distance_QC = pairs.padded(self._exact.of(query_QD, pairs), torch.inf, k)
        column_QC = pairs.padded(torch.from_numpy(pairs.column_X), 0, k)
        distance_QC, order_QC = distance_QC.sort(dim=1, stable=True)
        nearest_Qk = column_QC.gather(1, order_QC[:, :k])
        return distance_QC[:, :k].to(query_QD.device), nearest_Qk.to(query_QD.device)

    def _candidates(self, centred_QD: Tensor, k: int) -> Pairs:
        """Pairs that hold the k nearest of every query, and a few more, from FAISS or torch."""
        size, dim = self.bank_MD.shape
        norms_Q = centred_QD.square().sum(1)
        squared_QC, column_QC = self._proposed(centred_QD, norms_Q, min(k + SPARE, size))
        kth_Q = squared_QC[:, k - 1]
        limit_Q = kth_Q + 3 * distance_slack(dim, kth_Q.device) * (norms_Q + kth_Q.clamp_min(0))
        sure_Q = (squared_QC[:, -1] > limit_Q) | (column_QC.shape[1] == size)
        sure_QC = sure_Q[:, None].expand_as(column_QC)
        row_X, column_X = sure_QC.nonzero()[:, 0], column_QC.sort(dim=1).values[sure_QC]
        pairs_X2 = torch.cat([torch.stack([row_X, column_X], 1), self._within(centred_QD, ~sure_Q, limit_Q - norms_Q)])
        ordered_X2 = pairs_X2[pairs_X2[:, 0].argsort(stable=True)].cpu()
        return Pairs(ordered_X2[:, 0].numpy(), ordered_X2[:, 1].contiguous().numpy(), len(centred_QD))

    def _proposed(self, centred_QD: Tensor, norms_Q: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The backend's nearest: float32 squared distances, ascending, and bank rows."""
        if self._faiss is not None:
            squared, columns = self._faiss.search(centred_QD.numpy(), count)
            return torch.from_numpy(squared), torch.from_numpy(columns)
        reduced_QC, column_QC = self._reduced(centred_QD).topk(count, largest=False)
        return reduced_QC + norms_Q[:, None], column_QC

    def _reduced(self, centred_QD: Tensor) -> Tensor:
        """Squared distances to all the bank, less the query's squared norm."""
        return torch.addmm(self._norms_M, centred_QD, self._centred_MD.T, alpha=-2)

    def _within(self, centred_QD: Tensor, chosen_Q: Tensor, limit_Q: Tensor) -> Tensor:
        """All (query, bank) pairs of the chosen queries whose reduced squared distance is within the limit."""
        rows = chosen_Q.nonzero()[:, 0]
        found = [torch.empty(0, 2, dtype=torch.int64, device=rows.device)]
        step = max(1, PRODUCT_VALUES // len(self.bank_MD))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            row_X, column_X = (self._reduced(centred_QD[part]) <= limit_Q[part, None]).nonzero().unbind(1)
            found.append(torch.stack([part[row_X], column_X], 1))
        return torch.cat(found)


class _ExactDistances:
    """Distances of chosen pairs in float64: from dot products, and from differences where those would cancel."""

    def __init__(self, bank_MD: Tensor) -> None:
        self._bank_MD = bank_MD.double()
        self._norms_M = _squared_norms(self._bank_MD).cpu()

    def of(self, query_QD: Tensor, pairs: Pairs) -> Tensor:
        """Distances of the pairs, float64, on the CPU."""
        query_QD = query_QD.double()
        row_X, column_X = torch.from_numpy(pairs.row_X), torch.from_numpy(pairs.column_X)
        if query_QD.device.type != "cpu":
            return self._from_differences(query_QD, row_X, column_X).sqrt().cpu()
        norms_X = _squared_norms(query_QD)[row_X] + self._norms_M[column_X]
        squared_X = norms_X - 2 * pair_products(query_QD, self._bank_MD, pairs)
        near = (squared_X < CANCELLED * norms_X).nonzero()[:, 0]
        squared_X[near] = self._from_differences(query_QD, row_X[near], column_X[near])
        return squared_X.sqrt()

    def _from_differences(self, query_QD: Tensor, row_X: Tensor, column_X: Tensor) -> Tensor:
        device = query_QD.device
        return (query_QD[row_X.to(device)] - self._bank_MD[column_X.to(device)]).square().sum(1)


def _squared_norms(rows_ND: Tensor) -> Tensor:
    """Squared lengths of the rows, without a copy of them."""
    norms_N: Tensor = torch.linalg.vector_norm(rows_ND, dim=1)
    return norms_N.square()


def check_bank(bank_MD: Tensor) -> Tensor:
    """The bank as contiguous float32; raises AdshiftError where it is empty or holds values that are not finite."""
    if bank_MD.ndim != 2 or 0 in bank_MD.shape:
        raise AdshiftError(f"memory bank of shape {tuple(bank_MD.shape)} must be [M, D] with M, D >= 1; fit first")
    bank_MD = bank_MD.detach().to(torch.float32).contiguous()
    _check_finite(bank_MD, "memory bank")
    return bank_MD


def check_query(query_QD: Tensor, k: int, bank_MD: Tensor) -> int:
    """How many of k neighbours there are to find; raises AdshiftError for unusable queries or k."""
    size, dim = bank_MD.shape
    if query_QD.ndim != 2 or query_QD.shape[1] != dim:
        raise AdshiftError(f"query of shape {tuple(query_QD.shape)} must be [Q, {dim}], the bank's dimension; refit")
    if k < 1:
        raise AdshiftError(f"k={k} must be at least 1; give a positive number of neighbours")
    _check_finite(query_QD, "query")
    return min(k, size)


def _check_finite(values: Tensor, name: str) -> None:
    if not all_finite(values):
        raise AdshiftError(f"{name} holds NaN or infinite values and must be finite; check the images and the weights")


def _resolve(backend: str, bank_MD: Tensor) -> str:
    """The backend to use; refuses names and devices that cannot serve."""
    if backend not in BACKENDS:
        raise AdshiftError(f"neighbour backend {backend!r} must be one of {', '.join(BACKENDS)}; choose one of them")
    on_cpu = bank_MD.device.type == "cpu"
    if not on_cpu and backend in ("faiss", "pruned"):
        raise AdshiftError(f"neighbour backend {backend!r} searches on the CPU, not on {bank_MD.device}; use 'torch'")
    if backend == "faiss" and not _faiss_installed():
        raise AdshiftError("backend 'faiss' is not installed; install adshift[cpu] or use backend 'torch'")
    if backend != "auto":
        return backend
    if not on_cpu:
        return "torch"
    large = bank_MD.shape[0] >= PRUNED_FROM[0] and bank_MD.shape[1] >= PRUNED_FROM[1]
    if large or coarse_type(bank_MD.device) != torch.float32:
        return "pruned"
    return "faiss" if _faiss_installed() else "torch"


def _faiss_installed() -> bool:
    try:
        import faiss  # noqa: F401
    except ImportError:
        return False
    return True


def _faiss_index(centred_MD: Tensor) -> Any:
    import faiss

    index = faiss.IndexFlatL2(centred_MD.shape[1])
    index.add(centred_MD.numpy())
    return index
