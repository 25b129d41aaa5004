"""Raw scores of a role's images under a fitted method."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from adshift.bank_search import find_neighbours, worth_keeping
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.dataset import MaskResolution
from adshift.data.images import UInt8
from adshift.data.prepared import TIMING, PreparedImages
from adshift.data.samples import Sample
from adshift.embedding import embed_images
from adshift.fingerprint import SCORES, code, device_kind
from adshift.matching import Matching, inverse
from adshift.methods.method import Scores
from adshift.methods.module import AnomalyModule
from adshift.shift.domain import Domain

SCORES_FILE, MAPS_FILE = "scores.npz", "maps.f32"


@dataclass(frozen=True)
class ScoredImages:
    """The images of one role with their scores, in the role's order.

    Attributes:
        samples: N samples.
        score_N: float64 image scores.
        maps: N anomaly maps, float32 [H, W], at the resolution of their masks.
        masks: N masks, uint8 [H, W]; None for an anomalous image without one.
        nearest_image_NP: int64, for each patch the train image of its nearest bank vector; None without a bank.
        seconds: what preparing, embedding and scoring them took when it was done.
    """

    samples: tuple[Sample, ...]
    score_N: NDArray[np.float64]
    maps: list[NDArray[np.float32]]
    masks: list[UInt8 | None]
    nearest_image_NP: NDArray[np.int64] | None
    seconds: float = 0.0

    @property
    def label_N(self) -> NDArray[np.int64]:
        """0 nominal, 1 anomalous."""
        return np.array([sample.label for sample in self.samples], np.int64)

    def select(self, keep_N: Sequence[bool] | NDArray[np.bool_]) -> ScoredImages:
        """The images where ``keep_N`` holds."""
        places = np.flatnonzero(np.asarray(keep_N))
        return ScoredImages(
            tuple(self.samples[i] for i in places),
            self.score_N[places],
            [self.maps[i] for i in places],
            [self.masks[i] for i in places],
            None if self.nearest_image_NP is None else self.nearest_image_NP[places],
        )

    def of_category(self, category: str) -> ScoredImages:
        """The images of one category."""
        return self.select([sample.category == category for sample in self.samples])


def joined(parts: Sequence[ScoredImages]) -> ScoredImages:
    """Several sets of scored images as one; without nearest images where a part has none."""
    nearest = [part.nearest_image_NP for part in parts if part.nearest_image_NP is not None]
    return ScoredImages(
        tuple(s for part in parts for s in part.samples),
        np.concatenate([part.score_N for part in parts]),
        [m for part in parts for m in part.maps],
        [m for part in parts for m in part.masks],
        np.concatenate(nearest) if len(nearest) == len(parts) else None,
        sum(part.seconds for part in parts),
    )


def _map_like(anomaly_map_HW: Tensor, mask: UInt8 | None) -> Tensor:
    if mask is None or mask.shape == tuple(anomaly_map_HW.shape):
        return anomaly_map_HW
    resized = functional.interpolate(anomaly_map_HW[None, None], size=mask.shape, mode="bilinear", align_corners=False)
    return resized[0, 0]


def _in_order(batches: Sequence[Scores], place_N: Tensor) -> Scores:
    """One batch of all images, the i-th taken from place i."""
    nearest = [scores.nearest_image_BP for scores in batches if scores.nearest_image_BP is not None]
    return Scores(
        torch.cat([scores.image_score_B for scores in batches])[place_N],
        torch.cat([scores.anomaly_map_BHW for scores in batches])[place_N],
        torch.cat(nearest)[place_N] if nearest else None,
    )


def _maps(batches: Sequence[Scores], images: PreparedImages, resolution: MaskResolution) -> list[Tensor]:
    maps = [anomaly_map for scores in batches for anomaly_map in scores.anomaly_map_BHW]
    if resolution == "original":
        maps = [_map_like(anomaly_map, mask) for anomaly_map, mask in zip(maps, images.masks, strict=True)]
    return maps


def scored_images(images: PreparedImages, batches: Sequence[Scores], resolution: MaskResolution) -> ScoredImages:
    """Scores that were made batch by batch, in the images' order, as those of the role."""
    return ScoredImages(
        images.samples,
        torch.cat([scores.image_score_B for scores in batches]).double().numpy(),
        [anomaly_map.float().numpy() for anomaly_map in _maps(batches, images, resolution)],
        images.masks,
        None,
    )


def score_images(
    trainer: pl.Trainer,
    module: AnomalyModule,
    datamodule: AnomalyDataModule,
    samples: Sequence[Sample],
    domain: Domain,
    matching: Matching | None = None,
) -> ScoredImages:
    """Score samples seen in a domain, or take the scores from the store where the same model scored them before.

    With a ``matching`` their embeddings are changed first, batch by batch.

    Where the masks keep their files' resolution, each map is brought to its mask's size.
    """
    images = datamodule.images(samples, domain)
    key = {
        "images": images.key,
        "model": state_sha256(module),
        "settings": module.settings,
        "batch_size": datamodule.batch_size,
        "device": device_kind(trainer.strategy.root_device),
        **code(SCORES),
    }
    if matching is not None:
        key |= {"matching": asdict(matching.rule), "train": [part.key for part in datamodule.train_images()]}

    def make(folder: Path, _: Path | None) -> None:
        _write(folder, trainer, module, datamodule, images, matching)

    def read(folder: Path) -> ScoredImages:
        return _read(folder, images)

    return datamodule.store.fetch("scores", key, make, read)


def _write(
    folder: Path,
    trainer: pl.Trainer,
    module: AnomalyModule,
    datamodule: AnomalyDataModule,
    images: PreparedImages,
    matching: Matching | None,
) -> None:
    seconds, batch_size = images.seconds, datamodule.batch_size
    loader: DataLoader[Any] = images.loader(batch_size)
    if module.method.shares_embedding or matching is not None:
        embedding = embed_images(datamodule.store, trainer, module, images, batch_size)
        seconds += embedding.seconds
        loader = embedding.loader(batch_size) if matching is None else matching.loader(embedding)
        if matching is None and worth_keeping(datamodule.store, module.method, trainer.strategy.root_device):
            found = find_neighbours(datamodule.store, module.method, embedding, batch_size)
            seconds += found.seconds
            loader = found.loader(batch_size)
    started = time.perf_counter()
    batches: Sequence[Scores] = trainer.predict(module, loader) or []  # type: ignore[assignment]
    if matching is not None:
        batches = [_in_order(batches, inverse(matching.order(len(images.samples))))]
    maps = _maps(batches, images, datamodule.mask_resolution)
    arrays = {
        "score_N": torch.cat([scores.image_score_B for scores in batches]).double().numpy(),
        "shape_N2": np.array([m.shape for m in maps], np.int64),
    }
    nearest = [scores.nearest_image_BP for scores in batches if scores.nearest_image_BP is not None]
    if nearest:
        arrays["nearest_image_NP"] = torch.cat(nearest).to(torch.int32).numpy()
    np.savez(folder / SCORES_FILE, **arrays)  # type: ignore[arg-type]
    with (folder / MAPS_FILE).open("wb") as handle:
        for anomaly_map in maps:
            handle.write(anomaly_map.float().contiguous().numpy().tobytes())
    seconds += time.perf_counter() - started
    (folder / TIMING).write_text(json.dumps({"score": seconds}))


def _read(folder: Path, images: PreparedImages) -> ScoredImages:
    with np.load(folder / SCORES_FILE, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    shapes = arrays["shape_N2"]
    pixels = np.memmap(folder / MAPS_FILE, np.float32, "c")
    ends = np.cumsum(shapes.prod(axis=1)).tolist()
    parts = np.split(pixels, ends[:-1])
    nearest = arrays.get("nearest_image_NP")
    return ScoredImages(
        images.samples,
        arrays["score_N"],
        [np.asarray(part).reshape(shape) for part, shape in zip(parts, shapes.tolist(), strict=True)],
        images.masks,
        None if nearest is None else nearest.astype(np.int64),
        json.loads((folder / TIMING).read_text())["score"],
    )


def state_sha256(module: AnomalyModule) -> str:
    """SHA-256 of a fitted module: the names, types, shapes and bytes of its tensors."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        array = value.detach().cpu().contiguous().numpy()
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.data if array.ndim else array.tobytes())
    return digest.hexdigest()
