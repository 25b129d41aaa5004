"""Exact k-nearest-neighbour search in a memory bank, with the same answer from every backend."""

from typing import Any

import torch
from torch import Tensor

from adshift.errors import AdshiftError

BACKENDS = ("auto", "faiss", "torch")
QUERY_CHUNK = 1024


class NeighbourSearch:
    """Exact L2 search in a bank of vectors.

    Args:
        bank_MD: the memory bank, float, M >= 1 rows.
        backend: `faiss` (IndexFlatL2), `torch`, or `auto`: FAISS on the CPU where it is installed, else torch.

    Raises:
        AdshiftError: empty bank, unknown backend, FAISS asked for by name but not installed.

    The backend only proposes the k candidates; their distances are then computed anew as ||q - m|| from float32
    differences and sorted (equal distances: the lowest index first), so backends agree unless two bank vectors are
    within rounding of each other at the k-th place.
    """

    def __init__(self, bank_MD: Tensor, backend: str = "auto") -> None:
        if bank_MD.ndim != 2 or bank_MD.shape[0] == 0 or bank_MD.shape[1] == 0:
            raise AdshiftError(f"memory bank of shape {tuple(bank_MD.shape)} must be [M, D] with M, D >= 1; fit first")
        if backend not in BACKENDS:
            raise AdshiftError(
                f"neighbour backend {backend!r} must be one of {', '.join(BACKENDS)}; choose one of them"
            )
        self.bank_MD = bank_MD.detach().to(torch.float32).contiguous()
        self.backend = _resolve(backend, self.bank_MD.device)
        self._index = _faiss_index(self.bank_MD) if self.backend == "faiss" else None

    def search(self, query_QD: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Return the distances (L2, not squared, ascending) and bank rows of the min(k, M) nearest neighbours.

        Args:
            query_QD: queries, float, D as in the bank, on the bank's device.
            k: neighbours wanted, >= 1; where it exceeds the bank's M rows, all M are returned.

        Returns:
            distances_Qk float32 and indices_Qk int64, k' = min(k, M) columns, on the query's device.

        Raises:
            AdshiftError: k < 1, or queries of another dimension.
        """
        size, dim = self.bank_MD.shape
        if query_QD.ndim != 2 or query_QD.shape[1] != dim:
            raise AdshiftError(
                f"query of shape {tuple(query_QD.shape)} must be [Q, {dim}], the bank's dimension; refit"
            )
        if k < 1:
            raise AdshiftError(f"k={k} must be at least 1; give a positive number of neighbours")
        query_QD = query_QD.detach().to(torch.float32).contiguous()
        wanted = min(k, size)
        found = [self._candidates(chunk, wanted) for chunk in query_QD.split(QUERY_CHUNK)]
        if not found:
            empty = query_QD.new_empty(0, wanted)
            return empty, empty.long()
        return _refined(query_QD, self.bank_MD, torch.cat(found))

    def _candidates(self, query_QD: Tensor, k: int) -> Tensor:
        if self._index is not None:
            _, indices = self._index.search(query_QD.numpy(), k)
            return torch.from_numpy(indices)
        return torch.cdist(query_QD, self.bank_MD).topk(k, largest=False).indices


def _resolve(backend: str, device: torch.device) -> str:
    if backend == "torch" or device.type != "cpu":
        return "torch"
    try:
        import faiss  # noqa: F401
    except ImportError:
        if backend == "faiss":
            raise AdshiftError(
                "backend 'faiss' is not installed; install adshift[cpu] or adshift[gpu], or use backend 'torch'"
            ) from None
        return "torch"
    return "faiss"


def _faiss_index(bank_MD: Tensor) -> Any:
    import faiss

    index = faiss.IndexFlatL2(bank_MD.shape[1])
    index.add(bank_MD.numpy())
    return index


def _refined(query_QD: Tensor, bank_MD: Tensor, indices_Qk: Tensor) -> tuple[Tensor, Tensor]:
    """Sort candidates by their distance computed from differences; ties go to the lowest index."""
    indices_Qk = indices_Qk.sort(dim=1).values
    parts = []
    for query, indices in zip(query_QD.split(QUERY_CHUNK), indices_Qk.split(QUERY_CHUNK), strict=True):
        difference = bank_MD[indices] - query[:, None, :]
        parts.append(torch.linalg.vector_norm(difference, dim=2))
    distances, order = torch.cat(parts).sort(dim=1, stable=True)
    return distances, indices_Qk.gather(1, order)
