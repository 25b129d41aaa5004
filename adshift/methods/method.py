"""What the rest of the program asks of a detection method, and of its memory bank where it has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, TypeVar

import torch
from torch import Tensor, nn

from adshift.methods.alignment import Alignment

if TYPE_CHECKING:  # types alone: what embeds does not depend on how neighbours are searched
    from adshift.features.backbone import Backbone
    from adshift.methods.search.continued import ContinuedSearch

T = TypeVar("T")


class Scores(NamedTuple):
    """The verdict on a batch, as raw distances: larger is more anomalous, the range is the method's own."""

    image_score_B: Tensor
    """float32 [B]."""
    anomaly_map_BHW: Tensor
    """float32 [B, S, S], at the input's resolution."""
    nearest_image_BP: Tensor | None = None
    """int64 [B, P]: for each patch the train image (its place in the train role) that its nearest neighbour came from;
    None for a method without a memory bank."""


class Scope(Protocol):
    """Where parts of a fit are kept that depend on the train embeddings but not on all of the method's settings."""

    def fetch(
        self,
        kind: str,
        key: Mapping[str, Any],
        make: Callable[[Path, Path | None], None],
        read: Callable[[Path], T],
        enough: Callable[[Path], bool] = ...,
    ) -> T:
        """See ``adshift.store.Store.fetch``; the key of the train embeddings is added to ``key``."""
        ...


class MemoryBank(Protocol):
    """Embeddings that a fit kept, and the search of nearest neighbours among them."""

    bank_MD: Tensor
    """The embeddings, float32."""

    neighbours: int
    """k, how many a patch is scored by; a bank of fewer vectors gives all of them."""

    backend: str
    """How they are found, as ``method.search`` names it."""

    @property
    def searches_exactly(self) -> bool:
        """Whether no neighbour is ever missed."""
        ...

    @property
    def keeps_neighbours(self) -> bool:
        """Whether what is found is worth keeping: other banks begin with this one, or continue it."""
        ...

    def continued_search(self, first: int) -> ContinuedSearch:
        """The exact search of the bank from what is known of its ``first`` rows."""
        ...

    def search_report(self, query_QD: Tensor) -> dict[str, Any]:
        """What a search that is not exact loses on some embeddings, as JSON values by name."""
        ...

    def score_neighbours(self, distance_BHWk: Tensor, row_BHWk: Tensor, size: tuple[int, int]) -> Scores:
        """As ``Method.score``, from the nearest rows of the bank: float64 distances, ascending, and int64 rows."""
        ...


class Rehearsal(Protocol):
    """Image scores of some queries under repairs that are not made."""

    def extended(
        self, parts: Sequence[Sequence[Tensor]], weight: float, keep: float
    ) -> Callable[[Sequence[int], Sequence[int], Alignment | None], Tensor]:
        """What the method would score that is repaired with any of some parts of the images.

        Args:
            parts: of each the images' ``Method.condensed``.
            weight, keep: as ``Method.repair`` has them.

        Returns:
            from the places of some queries, those of the parts that repair (at least one) and the alignment to the
            queries' image scores [B]: what ``Method.score`` gives after ``Method.repair``, to rounding.
        """
        ...


class Method(Protocol):
    """A detector that is fitted in one pass over the nominal images. Implementations are ``nn.Module`` objects.

    The order of calls is ``begin_fit``, ``collect`` for each batch, ``finish_fit``; then it scores.
    """

    shares_embedding: bool
    """Whether other fits are likely to ask for the same embeddings, so that keeping them pays."""

    @property
    def backbone(self) -> Backbone:
        """The frozen features that it embeds with."""
        ...

    @property
    def bank(self) -> MemoryBank | None:
        """The embeddings that it keeps, which an alignment can map; None for a method that keeps statistics."""
        ...

    @property
    def exportable(self) -> Callable[[int], nn.Module] | None:
        """Makes a float32 copy of the fitted method that an exporter can trace; None for a method that has no such form.

        It takes the side S of the input and maps normalised images [B, 3, S, S] to scores [B] and maps [B, S, S]. It
        raises AdshiftError for settings or a backbone that no exported file can stand for.
        """
        ...

    def embed(self, images_B3SS: Tensor) -> Tensor:
        """Patch embeddings [B, h, w, D] of normalised images."""
        ...

    def embedding_settings(self) -> dict[str, Any]:
        """Everything about the method that its embeddings depend on, as JSON values."""
        ...

    def embedding_sources(self) -> tuple[str, ...]:
        """The modules whose code makes the embeddings out of images: with the settings, all that they depend on."""
        ...

    def begin_fit(self, n_images: int) -> None:
        """Make ready for ``n_images``; forgets an earlier fit."""
        ...

    def collect(self, embedding_BHWD: Tensor) -> None:
        """Take in the embeddings of a batch of nominal images; all images may come as one batch."""
        ...

    def finish_fit(self, scope: Scope | None = None) -> dict[str, float]:
        """Fit to what was collected; returns the seconds of its named stages."""
        ...

    def condensed(self, embedding_VhwD: Tensor, ratio: float) -> Tensor:
        """What a repair takes of one image seen in V views; ``ratio`` is the share of its patches for a memory bank."""
        ...

    def repair(
        self, images: Sequence[Tensor], first_image: int, weight: float, alignment: Alignment | None, keep: float = 1.0
    ) -> None:
        """Extend a fitted model by images of another domain, in place of a new fit.

        Args:
            images: each one's ``condensed``.
            first_image: the place among the train images that the first of them gets.
            weight: of their statistics against those of the fit, in [0, 1], for a method that keeps statistics.
            alignment: brings what was fitted to the other domain first, for a method that keeps embeddings.
            keep: share of these that stays, in (0, 1].
        """
        ...

    def rehearsal(self, query_QhwD: Tensor, size: tuple[int, int]) -> Rehearsal:
        """What repairs would make of the image scores of some embeddings; ``size`` is that of their maps."""
        ...

    @property
    def weights_sha256(self) -> str:
        """Identity of the backbone's weights."""
        ...

    def bank_shape(self) -> tuple[int, int]:
        """Number of stored vectors (or Gaussians) and the bytes of everything that was fitted."""
        ...

    def cautions(self, n_images: int) -> list[str]:
        """What the reader of a result should know about a fit to ``n_images``, a line each; none for a usual fit."""
        ...

    def misfit(self, state: Mapping[str, Tensor]) -> str:
        """What is wrong with the fitted tensors of a state dict whose names and types are right; empty where nothing is."""
        ...

    def score(self, embedding_BHWD: Tensor, size: tuple[int, int]) -> Scores:
        """Score embedded images; the maps get ``size`` (height, width)."""
        ...

    def __call__(self, images_B3SS: Tensor) -> Scores:
        """Embed and score a batch."""
        ...

    def eval(self) -> Self:
        """As every ``nn.Module``; so are those below."""
        ...

    def to(self, device: torch.device, /) -> Self:
        """Move it to a device."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Its tensors by name, the backbone's among them."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> object:
        """Take in such tensors."""
        ...
