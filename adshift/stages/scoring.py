"""Raw scores of a role's images under a fitted method."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from adshift.adaptation.augmentation import PLAIN, Augmentation
from adshift.adaptation.views import IDENTITY, View
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.dataset import MaskResolution
from adshift.data.prepared import TIMING, PreparedImages
from adshift.data.samples import Sample
from adshift.methods.method import Scores
from adshift.methods.module import AnomalyModule
from adshift.shift.domain import Domain
from adshift.shift.pixels import UInt8
from adshift.stages.embedding import embed_images
from adshift.stages.matching import Matching, inverse
from adshift.stages.neighbours import find_neighbours, worth_keeping
from adshift.stages.score_checks import require_finite
from adshift.stages.scored import ScoredImages, aggregated
from adshift.store.keys import code, device_kind
from adshift.store.sources import sources

SCORES_FILE, MAPS_FILE = "scores.npz", "maps.f32"


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


def _turned_back(scores: Scores, view: View) -> Scores:
    """A batch of a view with its maps on the image again."""
    maps = view.undone(scores.anomaly_map_BHW.numpy(), (1, 2))
    return scores._replace(anomaly_map_BHW=torch.from_numpy(maps.copy()))


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
    augmentation: Augmentation = PLAIN,
) -> ScoredImages:
    """Score samples seen in a domain, or take the scores from the store where the same model scored them before.

    With a ``matching`` their embeddings are changed first, batch by batch. With an ``augmentation`` every view is scored
    so, by itself; the store keeps each view's scores, and they are aggregated whenever they are read.

    Where the masks keep their files' resolution, each map is brought to its mask's size.

    Raises:
        AdshiftError: a score or a map is not finite.
    """
    images = datamodule.images(samples, domain)
    parts = [_score_view(trainer, module, datamodule, images, matching, view) for view in augmentation.views]
    found = aggregated(parts, augmentation)
    require_finite(found)
    return replace(found, seconds=found.seconds + images.seconds)


def _in_view(images: PreparedImages, view: View) -> PreparedImages:
    """The images as a view shows them; the masks stay, as the maps are turned back to them."""
    if view == IDENTITY:
        return images
    key = {**images.key, "view": {"name": view.name, **code(View.__module__)}}
    return replace(images, key=key, image_NSS3=view.seen(images.image_NSS3, (1, 2)))


def _score_view(
    trainer: pl.Trainer,
    module: AnomalyModule,
    datamodule: AnomalyDataModule,
    prepared: PreparedImages,
    matching: Matching | None,
    view: View,
) -> ScoredImages:
    """One view's scores, with maps on the image; ``seconds`` without those of preparing the images."""
    images = _in_view(prepared, view)
    key = {
        "images": images.key,
        "model": state_sha256(module),
        "settings": module.settings,
        "batch_size": datamodule.batch_size,
        "device": device_kind(trainer.strategy.root_device),
        **code(__name__, *sources(module.method, module.method.backbone)),
    }
    if matching is not None:
        key |= {"matching": matching.settings(), "train": [part.key for part in datamodule.train_images()]}

    def make(folder: Path, _: Path | None) -> None:
        _write(folder, trainer, module, datamodule, images, matching, view)

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
    view: View,
) -> None:
    seconds, batch_size = 0.0, datamodule.batch_size
    loader: DataLoader[Any] = images.loader(batch_size)
    if module.method.shares_embedding or matching is not None:
        embedding = embed_images(datamodule.store, trainer, module, images, batch_size)
        seconds += embedding.seconds
        loader = embedding.loader(batch_size) if matching is None else matching.loader(embedding)
        bank, device = module.method.bank, trainer.strategy.root_device
        if matching is None and bank is not None and worth_keeping(datamodule.store, bank, device):
            found = find_neighbours(datamodule.store, bank, embedding, batch_size)
            seconds += found.seconds
            loader = found.loader(batch_size)
    started = time.perf_counter()
    batches: Sequence[Scores] = trainer.predict(module, loader) or []  # type: ignore[assignment]
    if matching is not None:
        batches = [_in_order(batches, inverse(matching.order(len(images.samples))))]
    batches = [_turned_back(scores, view) for scores in batches]
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
