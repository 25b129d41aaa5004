"""The Lightning face of a method: its one training epoch is the fit, its predictions are raw scores."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
from torch import Tensor, nn

from adshift.data.dataset import Batch
from adshift.methods.method import Scores


class AnomalyModule(pl.LightningModule):
    """Wraps a method; there is no gradient and no optimiser.

    Args:
        method: an ``nn.Module`` that implements ``adshift.methods.method.Method``.

    Attributes:
        timing: seconds of the fit: ``load`` (waiting for images), ``embed``, the method's own stages, and ``fit``, all
            of it.
    """

    def __init__(self, method: nn.Module) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.method: Any = method
        self.timing: dict[str, float] = {}
        self._mark = 0.0
        self._started = 0.0

    def configure_optimizers(self) -> None:
        """None: the fit is closed-form."""

    def _lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.timing[stage] = self.timing.get(stage, 0.0) + now - self._mark
        self._mark = now

    def on_train_epoch_start(self) -> None:
        self.timing = {}
        self._started = self._mark = time.perf_counter()
        datamodule: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        self.method.begin_fit(len(datamodule.split.train))

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        self._lap("load")
        self.method.collect(batch.images)
        self._lap("embed")

    def on_train_epoch_end(self) -> None:
        self.timing.update(self.method.finish_fit())
        self.timing["fit"] = time.perf_counter() - self._started

    def forward(self, images: Tensor) -> Scores:
        scores: Scores = self.method(images)
        return scores

    def predict_step(self, batch: Batch, batch_idx: int) -> tuple[Scores, Batch]:
        """The raw scores of a batch, on the CPU, with the batch's masks and places."""
        scores = self.method(batch.images)
        nearest = scores.nearest_image_BP
        on_cpu = Scores(
            scores.image_score_B.cpu(), scores.anomaly_map_BHW.cpu(), None if nearest is None else nearest.cpu()
        )
        return on_cpu, batch._replace(images=batch.images[:0].cpu())
