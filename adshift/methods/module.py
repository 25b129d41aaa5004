"""The Lightning face of a method: its one training epoch is the fit, its predictions are raw scores."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import pytorch_lightning as pl
from torch import Tensor

from adshift.data.prepared import ImageBatch
from adshift.methods.method import Method, Scope, Scores


class EmbeddingBatch(NamedTuple):
    """A batch of images that were embedded before."""

    embedding_BHWD: Tensor
    """float32 [B, h, w, D]."""


class NeighbourBatch(NamedTuple):
    """A batch of images whose patches' nearest bank vectors were found before."""

    distance_BHWk: Tensor
    """float64 [B, h, w, k], ascending."""
    row_BHWk: Tensor
    """int64 [B, h, w, k]."""


class AnomalyModule(pl.LightningModule):
    """Wraps a method; there is no gradient and no optimiser. Batches hold images, or what was made of them before.

    Args:
        method: fitted or not.
        image_size: side of the input, and of the anomaly maps, in pixels.
        settings: the method's configuration, by which the store knows its fits and scores apart.

    Attributes:
        scope: where the fit may keep parts that others share; set before a fit, None for a fit that shares nothing.
        timing: seconds of the fit: ``load`` (waiting for images), ``embed``, and the method's own stages.
    """

    def __init__(self, method: Method, image_size: int, settings: dict[str, Any]) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.method = method
        self.image_size = image_size
        self.settings = settings
        self.scope: Scope | None = None
        self.timing: dict[str, float] = {}
        self._mark = 0.0

    def configure_optimizers(self) -> None:
        """None: the fit is closed-form."""

    def _lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.timing[stage] = self.timing.get(stage, 0.0) + now - self._mark
        self._mark = now

    def _embedding(self, batch: ImageBatch | EmbeddingBatch) -> Tensor:
        if isinstance(batch, EmbeddingBatch):
            return batch.embedding_BHWD
        return self.method.embed(batch.images)

    def on_train_epoch_start(self) -> None:
        self.timing = {}
        self._mark = time.perf_counter()
        loader: Any = self.trainer.train_dataloader
        self.method.begin_fit(loader.dataset.n_images)

    def training_step(self, batch: ImageBatch | EmbeddingBatch, batch_idx: int) -> None:
        self._lap("load")
        self.method.collect(self._embedding(batch))
        self._lap("embed")

    def on_train_epoch_end(self) -> None:
        self.timing.update(self.method.finish_fit(self.scope))

    def forward(self, images: Tensor) -> Scores:
        return self.method(images)

    def predict_step(self, batch: ImageBatch | EmbeddingBatch | NeighbourBatch, batch_idx: int) -> Scores:
        """The raw scores of a batch, on the CPU."""
        size = (self.image_size, self.image_size)
        if isinstance(batch, NeighbourBatch):
            bank = self.method.bank
            assert bank is not None  # where the neighbours were found
            scores = bank.score_neighbours(*batch, size)
        else:
            scores = self.method.score(self._embedding(batch), size)
        nearest = scores.nearest_image_BP
        return Scores(
            scores.image_score_B.cpu(), scores.anomaly_map_BHW.cpu(), None if nearest is None else nearest.cpu()
        )
