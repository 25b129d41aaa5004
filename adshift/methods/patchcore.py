"""PatchCore (Roth et al., "Towards Total Recall in Industrial Anomaly Detection", CVPR 2022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from adshift.errors import AdshiftError
from adshift.features.backbone import Backbone, exported_form
from adshift.features.patches import patch_embeddings
from adshift.features.weights import weights_sha256
from adshift.methods.alignment import Alignment
from adshift.methods.bank_checks import bank_cautions, bank_misfit
from adshift.methods.coreset.order import greedy_order
from adshift.methods.coreset.ratio import check_coreset_ratio
from adshift.methods.distances.finite import all_finite
from adshift.methods.distances.rows import rows_of_parts
from adshift.methods.maps import upsample_maps
from adshift.methods.method import MemoryBank, Method, Rehearsal, Scope, Scores
from adshift.methods.rehearsed_bank import BankRehearsal, kept_rows
from adshift.methods.reweighting import reweighted_scores
from adshift.methods.search.approximate import APPROXIMATE, ApproximateSearch, Effort
from adshift.methods.search.continued import ContinuedSearch
from adshift.methods.search.neighbours import BACKENDS, NeighbourSearch
from adshift.methods.traced import NearestDistances, PatchCoreGraph
from adshift.store.sources import sources


class PatchCore(nn.Module):
    """A memory bank of nominal patch embeddings, thinned to a greedy coreset; the score is the distance to it.

    Args:
        backbone: frozen features.
        coreset_ratio: share of the train patches that the bank keeps, in (0, 1]; at least one vector stays.
        neighbourhood: side p of the pooling window, odd; 1 pools nothing.
        neighbours: k of the reweighting (``adshift.methods.reweighting``); a bank of fewer vectors uses all of them.
        projection_dim: dimensions of the Johnson-Lindenstrauss projection that the coreset is sought in.
        smoothing: sigma, in input pixels, of the Gaussian blur of the map after its upsampling, >= 0; 4 as in Roth et al.,
            section 3.3. It does not touch the image score. 0 leaves it out, as the study's text does.
        search: how neighbours are found: auto, faiss, torch or pruned, which all give the same distances; or ivf or hnsw,
            which may miss some, for banks too large for that.
        seed: seeds the projection and the first pick.
        ivf_lists, ivf_probes, hnsw_links, hnsw_width: see ``adshift.methods.search.approximate.Effort``.
    """

    shares_embedding = True
    bank_MD: Tensor
    bank_image_M: Tensor

    def __init__(
        self,
        backbone: Backbone,
        coreset_ratio: float,
        neighbourhood: int = 3,
        neighbours: int = 9,
        projection_dim: int = 128,
        smoothing: float = 4.0,
        search: str = "auto",
        seed: int = 0,
        ivf_lists: int = 0,
        ivf_probes: int = 16,
        hnsw_links: int = 32,
        hnsw_width: int = 128,
    ) -> None:
        super().__init__()
        check_coreset_ratio(coreset_ratio)
        if neighbours < 1 or neighbourhood < 1 or neighbourhood % 2 == 0 or projection_dim < 1:
            raise AdshiftError(
                f"method.neighbours={neighbours}, method.neighbourhood={neighbourhood}, method.projection_dim="
                f"{projection_dim}: each must be >= 1 and neighbourhood odd; the study's are 9, 3 and 128"
            )
        self.backbone = backbone
        self.coreset_ratio = coreset_ratio
        self.neighbourhood = neighbourhood
        self.neighbours = neighbours
        self.projection_dim = projection_dim
        if not 0 <= smoothing < 100:
            raise AdshiftError(
                f"method.smoothing={smoothing} must be in [0, 100) pixels; the default is 4, 0 switches it off"
            )
        if search not in (*BACKENDS, *APPROXIMATE):
            raise AdshiftError(f"method.search={search} must be one of: {', '.join((*BACKENDS, *APPROXIMATE))}")
        self.effort = Effort(ivf_lists, ivf_probes, hnsw_links, hnsw_width)
        self.smoothing = smoothing
        self.backend = search
        self.seed = seed
        self.register_buffer("bank_MD", torch.empty(0, sum(backbone.channels)))
        self.register_buffer("bank_image_M", torch.empty(0, dtype=torch.int64))
        self.covering_radius: float | None = None
        self._collected: list[Tensor] = []
        self._search: NeighbourSearch | ApproximateSearch | None = None

    @property
    def bank(self) -> MemoryBank:
        """Itself: the vectors are among its tensors."""
        return self

    def embed(self, images_B3SS: Tensor) -> Tensor:
        """Patch embeddings [B, h, w, D] on the grid of the first layer."""
        return patch_embeddings(self.backbone(images_B3SS), self.backbone.layers, self.neighbourhood)

    def embedding_settings(self) -> dict[str, Any]:
        """See ``Method``."""
        settings = {"weights_sha256": self.weights_sha256, "neighbourhood": self.neighbourhood}
        return {**settings, **self.backbone.settings()}

    def embedding_sources(self) -> tuple[str, ...]:
        """See ``Method``: pooling and backbone, whatever becomes of the coreset and the search."""
        return (patch_embeddings.__module__, *sources(self.backbone))

    def begin_fit(self, n_images: int) -> None:
        """Forget an earlier fit."""
        self._collected = []

    def collect(self, embedding_BHWD: Tensor) -> None:
        """Keep a batch of train embeddings as it is, mapped or not: they are never put into one tensor."""
        self._collected.append(embedding_BHWD)

    def finish_fit(self, scope: Scope | None = None) -> dict[str, float]:
        """Thin what was collected to the coreset.

        Args:
            scope: where the greedy order is kept; a smaller coreset is its prefix, a larger one its continuation.

        Raises:
            AdshiftError: nothing was collected, or an embedding is not finite.
        """
        if not self._collected:
            raise AdshiftError("PatchCore was given 0 train images; it needs at least 1")
        patches = self._collected[0].shape[1] * self._collected[0].shape[2]
        parts = [batch_BHWD.flatten(0, 2) for batch_BHWD in self._collected]
        self._collected = []
        if not all(all_finite(part_ND) for part_ND in parts):
            raise AdshiftError("the train embeddings hold NaN or infinite values; check the backbone's weights")
        count = max(1, int(sum(map(len, parts)) * self.coreset_ratio))
        order = greedy_order(parts, count, self.projection_dim, self.seed, scope)
        chosen_M = order.indices_M[:count].to(parts[0].device)
        self.covering_radius = float(order.radius_M[count - 1])
        self.bank_MD = rows_of_parts(parts, chosen_M)
        self.bank_image_M = chosen_M // patches
        self._search = None
        return {"coreset": float(order.second_M[count - 1])}

    def condensed(self, embedding_VhwD: Tensor, ratio: float) -> Tensor:
        """The greedy coreset [m, D] of the patches of all views; at least one stays."""
        rows_ND = embedding_VhwD.flatten(0, -2)
        count = max(1, int(len(rows_ND) * ratio))
        order = greedy_order([rows_ND], count, self.projection_dim, self.seed, None)
        return rows_ND[order.indices_M[:count].to(rows_ND.device)]

    def repair(
        self, images: Sequence[Tensor], first_image: int, weight: float, alignment: Alignment | None, keep: float = 1.0
    ) -> None:
        """Keep the first rows of the bank, which are a coreset of their own, map them by ``alignment``, then append the
        images' vectors; ``weight`` is for statistics."""
        count = kept_rows(len(self.bank_MD), keep)
        self.bank_MD, self.bank_image_M = self.bank_MD[:count], self.bank_image_M[:count]
        bank_MD = self.bank_MD if alignment is None else alignment(self.bank_MD)
        self.bank_MD = torch.cat([bank_MD, *(image.to(bank_MD) for image in images)])
        places = [torch.full((len(image),), first_image + i) for i, image in enumerate(images)]
        self.bank_image_M = torch.cat([self.bank_image_M, *(place.to(self.bank_image_M) for place in places)])
        self._search = None

    def rehearsal(self, query_QhwD: Tensor, size: tuple[int, int]) -> Rehearsal:
        """See ``Method``; a search that may miss neighbours is exact here."""
        return BankRehearsal(self.bank_MD, query_QhwD, self.neighbours)

    @property
    def weights_sha256(self) -> str:
        """Identity of the backbone's weights."""
        return weights_sha256(self.backbone)

    def bank_shape(self) -> tuple[int, int]:
        """Vectors in the bank, and its bytes."""
        return len(self.bank_MD), self.bank_MD.numel() * self.bank_MD.element_size()

    def cautions(self, n_images: int) -> list[str]:
        """See ``Method``."""
        return bank_cautions(self.bank_MD, self.neighbours, self.coreset_ratio)

    def misfit(self, state: Mapping[str, Tensor]) -> str:
        """See ``Method``."""
        return bank_misfit(state["bank_MD"], state["bank_image_M"], sum(self.backbone.channels))

    def _searcher(self) -> NeighbourSearch | ApproximateSearch:
        if self._search is None or self._search.bank_MD.device != self.bank_MD.device:  # Lightning moves the module
            if self.backend in APPROXIMATE:
                self._search = ApproximateSearch(self.bank_MD, self.backend, self.effort)
            else:
                self._search = NeighbourSearch(self.bank_MD, self.backend)
        return self._search

    @property
    def searches_exactly(self) -> bool:
        """Whether no neighbour is ever missed."""
        return self.backend not in APPROXIMATE

    @property
    def keeps_neighbours(self) -> bool:
        """Whether what it finds is worth keeping: other banks begin with a fitted one, or continue it as ``few`` does."""
        return self.searches_exactly

    def continued_search(self, first: int) -> ContinuedSearch:
        """The search of the bank from what is known of its first rows."""
        return ContinuedSearch(self.bank_MD, first, self.backend)

    def search_report(self, query_QD: Tensor) -> dict[str, Any]:
        """What an approximate search loses on the embeddings of some patches.

        Returns:
            The ``recall`` figures of ``ApproximateSearch.report``, the ``neighbours`` k and the number of ``queries`` that
            they were measured on.
        """
        searcher = self._searcher()
        assert isinstance(searcher, ApproximateSearch)
        k = min(self.neighbours, len(self.bank_MD))
        lost = searcher.report(query_QD, k)
        return {**lost, "neighbours": k, "queries": len(query_QD)}

    def score(self, embedding_BHWD: Tensor, size: tuple[int, int]) -> Scores:
        """Score embeddings."""
        found = self._searcher().search(embedding_BHWD.flatten(0, 2), self.neighbours)
        distance_BHWk, row_BHWk = (part_Qk.view(*embedding_BHWD.shape[:3], -1) for part_Qk in found)
        return self.score_neighbours(distance_BHWk, row_BHWk, size)

    def score_neighbours(self, distance_BHWk: Tensor, row_BHWk: Tensor, size: tuple[int, int]) -> Scores:
        """Score patches by their neighbours: the image score is the largest patch score; the map is upsampled and
        smoothed."""
        score_BHW = reweighted_scores(distance_BHWk.flatten(0, 2).float()).view(distance_BHWk.shape[:3])
        map_BHW = upsample_maps(score_BHW, size, self.smoothing)
        nearest_BP = self.bank_image_M[row_BHWk[..., 0].flatten(1)]
        return Scores(score_BHW.amax(dim=(1, 2)), map_BHW, nearest_BP)

    def forward(self, images_B3SS: Tensor) -> Scores:
        """Embed and score a batch."""
        return self.score(self.embed(images_B3SS), (images_B3SS.shape[-2], images_B3SS.shape[-1]))

    def exportable(self, image_size: int) -> nn.Module:
        """See ``Method``.

        Raises:
            AdshiftError: the search is approximate, so that scores and thresholds are others than an exact search's; or
                the backbone has no exported form.
        """
        if not self.searches_exactly:
            raise AdshiftError(
                f"method.search={self.backend} may miss neighbours that an exported search finds; fit with "
                "method.search=auto"
            )
        features, nearest = exported_form(self.backbone), NearestDistances(self.bank_MD, self.neighbours)
        _, height, width, _ = self.embed(torch.zeros(1, 3, image_size, image_size)).shape
        return PatchCoreGraph(
            features, self.backbone.layers, self.neighbourhood, nearest, (height, width), image_size, self.smoothing
        )

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        for name in ("bank_MD", "bank_image_M"):  # an empty buffer would refuse the stored one: take its size
            if prefix + name in state_dict:
                setattr(self, name, torch.empty_like(state_dict[prefix + name], device=self.bank_MD.device))
        self._search = None
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


_IS: type[Method] = PatchCore  # checked by mypy
