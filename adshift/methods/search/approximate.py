"""Nearest neighbours that may be missed, for banks too large for exact search: FAISS's inverted file and graph."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.methods.search.neighbours import NeighbourSearch, check_bank, check_query

APPROXIMATE = ("ivf", "hnsw")
ROWS_A_LIST = 39
"""FAISS's k-means wants this many rows for every list."""


@dataclass(frozen=True)
class Effort:
    """How hard an approximate search tries; more is slower and finds more of the true neighbours.

    Attributes:
        ivf_lists: lists that the bank is divided into; 0 takes 4 sqrt(M). At most one for every 39 vectors.
        ivf_probes: lists that a query looks into, the nearest first.
        hnsw_links: links of a vector in the graph.
        hnsw_width: candidates that a query keeps while it walks the graph; the graph is built with no fewer.
    """

    ivf_lists: int = 0
    ivf_probes: int = 16
    hnsw_links: int = 32
    hnsw_width: int = 128

    def __post_init__(self) -> None:
        for name, least, most in (
            ("ivf_lists", 0, 2**31), ("ivf_probes", 1, 2**31), ("hnsw_links", 2, 1024), ("hnsw_width", 1, 65536),
        ):  # fmt: skip
            if not least <= (value := getattr(self, name)) <= most:
                bound = f">= {least}" if value < least else f"<= {most}"
                raise AdshiftError(f"method.{name}={value} must be {bound}; the default is {getattr(Effort, name)}")


class ApproximateSearch:
    """L2 search on the CPU that looks at a part of the bank only.

    The distances returned are true ones of the vectors returned; what may be wrong is that a nearer one was not seen.
    A query that meets fewer than k vectors is searched exactly.

    Args:
        bank_MD: the memory bank, finite floats, M >= 1 rows, on the CPU.
        backend: ``ivf`` (Sivic & Zisserman, ICCV 2003: k-means cells) or ``hnsw`` (Malkov & Yashunin, TPAMI 2020).
        effort: see ``Effort``.

    Raises:
        AdshiftError: an unusable bank, an unknown backend, no FAISS, or a bank that is not on the CPU.
    """

    def __init__(self, bank_MD: Tensor, backend: str, effort: Effort) -> None:
        self.bank_MD = check_bank(bank_MD)
        if backend not in APPROXIMATE:
            raise AdshiftError(f"approximate search {backend!r} must be one of: {', '.join(APPROXIMATE)}")
        if self.bank_MD.device.type != "cpu":
            raise AdshiftError(f"method.search={backend} searches on the CPU, not on {bank_MD.device}; use auto")
        self.backend = backend
        self.effort = effort
        self._mean_D = self.bank_MD.mean(0)
        self._index = _build(self.bank_MD - self._mean_D, backend, effort)
        self._exact: NeighbourSearch | None = None

    def search(self, query_QD: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Distances (L2, not squared, ascending) and bank rows of min(k, M) near vectors; float32 and int64."""
        k = check_query(query_QD, k, self.bank_MD)
        query_QD = query_QD.detach().float()
        squared, found = self._index.search((query_QD - self._mean_D).numpy(), k)
        distances_Qk, indices_Qk = torch.from_numpy(squared).clamp_min_(0).sqrt_(), torch.from_numpy(found)
        short_Q = (indices_Qk < 0).any(1)
        if bool(short_Q.any()):
            exact = self.exact().search(query_QD[short_Q], k)
            distances_Qk[short_Q], indices_Qk[short_Q] = exact.distance_Qk.float(), exact.row_Qk
        return distances_Qk, indices_Qk

    def exact(self) -> NeighbourSearch:
        """The exact search in the same bank, made when first needed."""
        if self._exact is None:
            self._exact = NeighbourSearch(self.bank_MD)
        return self._exact

    def report(self, query_QD: Tensor, k: int) -> dict[str, Any]:
        """What is lost on some queries, against the exact search.

        Returns:
            ``recall``: the share of the true k nearest that are found; ``recall_nearest``: of the true nearest;
            ``distance_excess``: by how much the distance to the nearest found exceeds the true one, mean and relative.
        """
        distances_Qk, indices_Qk = self.search(query_QD, k)
        true_Qk, expected_Qk = self.exact().search(query_QD, k)
        found = (indices_Qk[:, :, None] == expected_Qk[:, None, :]).any(1)
        nearest = true_Qk[:, 0].float().double()  # rounded as what is found
        excess = (distances_Qk[:, 0].double() - nearest).clamp_min(0) / nearest.clamp_min(1e-12)
        return {
            "recall": float(found.double().mean()),
            "recall_nearest": float(found[:, 0].double().mean()),
            "distance_excess": float(excess.mean()),
        }


def _build(centred_MD: Tensor, backend: str, effort: Effort) -> Any:
    try:
        import faiss
    except ImportError as error:
        raise AdshiftError(f"method.search={backend} needs FAISS; install adshift[cpu] or use auto") from error
    size, dim = centred_MD.shape
    if backend == "hnsw":
        index: Any = faiss.IndexHNSWFlat(dim, effort.hnsw_links, faiss.METRIC_L2)
        index.hnsw.efConstruction = max(40, effort.hnsw_width)
        index.hnsw.efSearch = effort.hnsw_width
    else:
        lists = max(1, min(effort.ivf_lists or int(4 * sqrt(size)), size // ROWS_A_LIST))
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(dim), dim, lists, faiss.METRIC_L2)
        index.nprobe = min(effort.ivf_probes, lists)
        index.train(centred_MD.numpy())
    index.add(centred_MD.numpy())
    return index
