"""A fitted method as one graph of plain tensor operations: an image in [0, 1] in, score and map out."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from adshift.data.images import IMAGENET_MEAN, IMAGENET_STD
from adshift.errors import AdshiftError
from adshift.features.patches import patch_embeddings
from adshift.methods.maps import upsample_operator
from adshift.methods.padim import PaDiM
from adshift.methods.patchcore import PatchCore
from adshift.methods.reweighting import reweighted_scores
from adshift.methods.search.approximate import APPROXIMATE

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


def _exportable(backbone: Any) -> nn.Module:
    """What an exporter can trace; raises AdshiftError for a backbone that has no such form."""
    if not hasattr(backbone, "exportable"):
        raise AdshiftError(f"backbone {type(backbone).__name__} has no exported form; give it a method exportable()")
    form: nn.Module = backbone.exportable()
    return form


class PatchCoreGraph(nn.Module):
    """PatchCore's forward without its search structures.

    Args:
        method: fitted.
        image_size: S.

    Raises:
        AdshiftError: its search is approximate, so that its scores and thresholds are others than an exact search's.
    """

    rows_Sh: Tensor
    columns_Sw: Tensor

    def __init__(self, method: PatchCore, image_size: int) -> None:
        super().__init__()
        if method.backend in APPROXIMATE:
            raise AdshiftError(
                f"method.search={method.backend} may miss neighbours that an exported search finds; fit with "
                "method.search=auto"
            )
        self.features = _exportable(method.backbone)
        self.layers, self.neighbourhood = method.backbone.layers, method.neighbourhood
        self.nearest = NearestDistances(method.bank_MD, method.neighbours)
        self.grid = tuple(method.embed(torch.zeros(1, 3, image_size, image_size)).shape[1:3])
        self.register_buffer("rows_Sh", upsample_operator(self.grid[0], image_size, method.smoothing))
        self.register_buffer("columns_Sw", upsample_operator(self.grid[1], image_size, method.smoothing))

    def forward(self, images_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """Scores [B] and maps [B, S, S] of normalised images."""
        embedding_BhwD = patch_embeddings(self.features(images_B3SS), self.layers, self.neighbourhood)
        distance_Qk = self.nearest(embedding_BhwD.flatten(0, 2))
        score_Bhw = reweighted_scores(distance_Qk).view(-1, *self.grid)
        return score_Bhw.amax(dim=(1, 2)), self.rows_Sh @ score_Bhw @ self.columns_Sw.T


class PaDiMGraph(nn.Module):
    """anomalib's forward, which is tensor operations throughout, on the folded backbone."""

    def __init__(self, method: PaDiM) -> None:
        super().__init__()
        self.model = copy.deepcopy(method.model).eval()
        self.model.feature_extractor = _exportable(method.model.feature_extractor)

    def forward(self, images_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """Scores [B] and maps [B, S, S] of normalised images."""
        out = self.model(images_B3SS)
        return out.pred_score.flatten(), out.anomaly_map[:, 0]


class DetectorGraph(nn.Module):
    """Normalisation, then the method.

    Args:
        inner: maps normalised images to scores and maps.
    """

    mean_311: Tensor
    std_311: Tensor

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("mean_311", torch.tensor(IMAGENET_MEAN).view(3, 1, 1))
        self.register_buffer("std_311", torch.tensor(IMAGENET_STD).view(3, 1, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Scores float32 [B] and maps float32 [B, S, S] of RGB images float32 [B, 3, S, S] in [0, 1]."""
        score, anomaly_map = self.inner((image - self.mean_311) / self.std_311)
        return score, anomaly_map


def detector_graph(method: Any, image_size: int) -> DetectorGraph:
    """The graph of a fitted method.

    Raises:
        AdshiftError: a method that has none.
    """
    if isinstance(method, PatchCore):
        return DetectorGraph(PatchCoreGraph(method, image_size)).eval()
    if isinstance(method, PaDiM):
        return DetectorGraph(PaDiMGraph(method)).eval()
    raise AdshiftError(f"method {type(method).__name__} has no exported form; PatchCore and PaDiM have")
