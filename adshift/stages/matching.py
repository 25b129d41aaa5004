"""Embeddings of a test batch brought to the statistics of the train images: per-channel feature matching."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from adshift.adaptation.score_rule import ScoreRule
from adshift.data.datamodule import AnomalyDataModule
from adshift.methods.alignment import Alignment, Moments, moments
from adshift.methods.module import AnomalyModule, EmbeddingBatch
from adshift.stages.embedding import StoredEmbedding, embed_images


@dataclass(frozen=True)
class Matching:
    """What a test batch is brought to, and how.

    Attributes:
        rule: which statistics, over how many images.
        train: the statistics of the embeddings that the model was fitted to.
    """

    rule: ScoreRule
    train: Moments

    def settings(self) -> dict[str, Any]:
        """What its outcome depends on beside the embeddings, as JSON values: a part of the store's keys."""
        return {"statistics": self.rule.statistics, "batch": self.rule.batch, "seed": self.rule.seed}

    def order(self, n_images: int) -> list[int]:
        """The places of a role's images in the order in which they are batched."""
        return [int(i) for i in np.random.default_rng(self.rule.seed).permutation(n_images)]

    def matched(self, embedding_BHWD: Tensor) -> Tensor:
        """A batch with the train images' statistics; a channel that is constant in it is moved, not stretched."""
        own = moments([embedding_BHWD])
        scale_D = torch.ones_like(own.mean_D)
        if self.rule.statistics == "moments":
            variance_D = own.covariance_DD.diagonal()
            varies_D = variance_D > 0
            scale_D[varies_D] = (self.train.covariance_DD.diagonal()[varies_D] / variance_D[varies_D]).sqrt()
        return Alignment(own.mean_D, torch.diag(scale_D), self.train.mean_D)(embedding_BHWD)

    def loader(self, embedding: StoredEmbedding) -> DataLoader[EmbeddingBatch]:
        """Matched batches of all images, in ``order``."""
        return DataLoader(_Matched(self, embedding.embedding_NHWD), batch_size=None, shuffle=False)


class _Matched(Dataset[EmbeddingBatch]):
    def __init__(self, matching: Matching, embedding_NHWD: Tensor) -> None:
        self._matching = matching
        self._embedding_NHWD = embedding_NHWD
        self._order = matching.order(len(embedding_NHWD))

    def __len__(self) -> int:
        return -(-len(self._order) // self._matching.rule.batch)

    def __getitem__(self, index: int) -> EmbeddingBatch:
        if not 0 <= index < len(self):
            raise IndexError(index)
        size = self._matching.rule.batch
        places = self._order[index * size : (index + 1) * size]
        return EmbeddingBatch(self._matching.matched(self._embedding_NHWD[places]))


def train_moments(trainer: pl.Trainer, module: AnomalyModule, datamodule: AnomalyDataModule) -> Moments:
    """The statistics of the train embeddings of all train domains; the store may have the embeddings."""
    images = datamodule.train_images()
    return moments(
        embed_images(datamodule.store, trainer, module, part, datamodule.batch_size).embedding_NHWD for part in images
    )


def fitted_matching(
    rule: ScoreRule | None, trainer: pl.Trainer, module: AnomalyModule, datamodule: AnomalyDataModule
) -> Matching | None:
    """The matching that a rule asks for, towards the train images of ``datamodule``; None where it asks for none."""
    if rule is None or not rule.matches:
        return None
    return Matching(rule, train_moments(trainer, module, datamodule))


def inverse(order: Sequence[int]) -> Tensor:
    """The places at which the images of a role lie in ``order``."""
    return torch.from_numpy(np.argsort(np.asarray(order)))
