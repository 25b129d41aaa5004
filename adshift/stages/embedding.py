"""Patch embeddings of a role's images: made once by the backbone, mapped from the store ever after."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from adshift.data.prepared import TIMING, ImageBatch, PreparedImages
from adshift.methods.method import Method
from adshift.methods.module import AnomalyModule, EmbeddingBatch
from adshift.store.keys import code, device_kind
from adshift.store.store import AnyStore, Key

ROWS = "embedding.npy"


@dataclass(frozen=True)
class StoredEmbedding:
    """The embeddings of N images.

    Attributes:
        key: what they depend on.
        embedding_NHWD: float32, mapped from a file.
        seconds: what the backbone took when it was done.
    """

    key: Key
    embedding_NHWD: Tensor
    seconds: float

    def loader(self, batch_size: int) -> DataLoader[EmbeddingBatch]:
        """Batches of ``batch_size`` images, in order; views of the mapped file."""
        return DataLoader(_Batches(self.embedding_NHWD, batch_size), batch_size=None, shuffle=False)

    def whole(self) -> DataLoader[EmbeddingBatch]:
        """All images as one batch."""
        return self.loader(len(self.embedding_NHWD))


class _Batches(Dataset[EmbeddingBatch]):
    def __init__(self, embedding_NHWD: Tensor, batch_size: int) -> None:
        self.n_images = len(embedding_NHWD)
        self._embedding_NHWD = embedding_NHWD
        self._batch_size = batch_size

    def __len__(self) -> int:
        return -(-self.n_images // self._batch_size)

    def __getitem__(self, index: int) -> EmbeddingBatch:
        if not 0 <= index < len(self):
            raise IndexError(index)
        start = index * self._batch_size
        return EmbeddingBatch(self._embedding_NHWD[start : start + self._batch_size])


class _EmbeddingPass(pl.LightningModule):
    """Runs the backbone over all batches and writes the embeddings as they come."""

    def __init__(self, method: Method, handle: BinaryIO, n_images: int) -> None:
        super().__init__()
        self.method = method
        self._handle = handle
        self._n_images = n_images

    def predict_step(self, batch: ImageBatch, batch_idx: int) -> None:
        rows = self.method.embed(batch.images).contiguous().cpu().numpy()
        if batch_idx == 0:
            header = {"descr": "<f4", "fortran_order": False, "shape": (self._n_images, *rows.shape[1:])}
            np.lib.format.write_array_header_1_0(self._handle, header)
        self._handle.write(rows.data)


def embed_images(
    store: AnyStore, trainer: pl.Trainer, module: AnomalyModule, images: PreparedImages, batch_size: int
) -> StoredEmbedding:
    """Embed images, or take the embeddings from the store where that was done before."""
    key = {
        "images": images.key,
        "embedding": module.method.embedding_settings(),
        "batch_size": batch_size,  # and the device: both move float32 sums in their last digits
        "device": device_kind(trainer.strategy.root_device),
        **code(__name__, *module.method.embedding_sources()),
    }

    def make(folder: Path, _: Path | None) -> None:
        started = time.perf_counter()
        with (folder / ROWS).open("wb") as handle:
            embedding_pass = _EmbeddingPass(module.method, handle, len(images.samples))
            trainer.predict(embedding_pass, images.loader(batch_size), return_predictions=False)
        (folder / TIMING).write_text(json.dumps({"embed": time.perf_counter() - started}))

    def read(folder: Path) -> StoredEmbedding:
        mapped = np.load(
            folder / ROWS, mmap_mode="c"
        )  # private: torch wants to be able to write, the file never changes
        seconds = json.loads((folder / TIMING).read_text())["embed"]
        return StoredEmbedding(key, torch.from_numpy(mapped), seconds)

    return store.fetch("embeddings", key, make, read)
