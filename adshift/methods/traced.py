"""PatchCore's scoring as plain tensor operations, which an exporter can trace."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from adshift.features.patches import patch_embeddings
from adshift.methods.maps import upsample_operator
from adshift.methods.reweighting import reweighted_scores

SPARE = 4
"""Candidates beyond the k wanted, because float32 products may order near ties wrongly."""


class NearestDistances(nn.Module):
    """Distances to the k nearest vectors of a bank: candidates by one matrix product, their distances by differences.

    The product is taken about the bank's mean, and proposes k + SPARE candidates; the differences lose no digits where a
    query lies close to the bank.

    Args:
        bank_MD: the memory bank.
        k: neighbours; a smaller bank gives all of its vectors.
    """

    bank_MD: Tensor
    mean_D: Tensor
    half_norm_M: Tensor

    def __init__(self, bank_MD: Tensor, k: int) -> None:
        super().__init__()
        mean_D = bank_MD.double().mean(0)
        centred_MD = bank_MD.double() - mean_D
        self.k = min(k, len(bank_MD))
        self.candidates = min(k + SPARE, len(bank_MD))
        self.register_buffer("mean_D", mean_D.float())
        self.register_buffer("bank_MD", centred_MD.float())
        self.register_buffer("half_norm_M", (centred_MD.square().sum(1) / 2).float())

    def forward(self, query_QD: Tensor) -> Tensor:
        """L2 distances [Q, k], ascending."""
        query_QD = query_QD - self.mean_D
        reduced_QM = (
            self.half_norm_M - query_QD @ self.bank_MD.T
        )  # half the squared distance, less the query's own norm
        near_QC = reduced_QM.topk(self.candidates, dim=1, largest=False).indices
        columns = [
            (query_QD - self.bank_MD[near_QC[:, i]]).square().sum(1) for i in range(self.candidates)
        ]  # one candidate at a time: all at once would hold Q x C x D values
        return torch.stack(columns, dim=1).topk(self.k, dim=1, largest=False).values.sqrt()


class PatchCoreGraph(nn.Module):
    """PatchCore's forward without its search structures.

    Args:
        features: the backbone's exported form.
        layers, neighbourhood: how patch embeddings are made of them.
        nearest: the memory bank.
        grid: patches along both axes (height, width).
        image_size: S.
        smoothing: sigma of the map's blur in pixels.
    """

    rows_Sh: Tensor
    columns_Sw: Tensor

    def __init__(
        self,
        features: nn.Module,
        layers: Sequence[str],
        neighbourhood: int,
        nearest: NearestDistances,
        grid: tuple[int, int],
        image_size: int,
        smoothing: float,
    ) -> None:
        super().__init__()
        self.features, self.nearest = features, nearest
        self.layers, self.neighbourhood, self.grid = layers, neighbourhood, grid
        self.register_buffer("rows_Sh", upsample_operator(grid[0], image_size, smoothing))
        self.register_buffer("columns_Sw", upsample_operator(grid[1], image_size, smoothing))

    def forward(self, images_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """Scores [B] and maps [B, S, S] of normalised images."""
        embedding_BhwD = patch_embeddings(self.features(images_B3SS), self.layers, self.neighbourhood)
        distance_Qk = self.nearest(embedding_BhwD.flatten(0, 2))
        score_Bhw = reweighted_scores(distance_Qk).view(-1, *self.grid)
        return score_Bhw.amax(dim=(1, 2)), self.rows_Sh @ score_Bhw @ self.columns_Sw.T
