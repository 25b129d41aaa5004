"""The repair of a fitted model with a few normals of the target domain, and their scores by models without them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from adshift.adaptation.extension import Extension
from adshift.adaptation.few_images import FewImages
from adshift.adaptation.recipe import Recipe
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.samples import Sample, unit_numbers
from adshift.methods.alignment import Alignment, Moments, alignment, moments
from adshift.methods.method import Method, Scores
from adshift.methods.module import AnomalyModule
from adshift.shift.domain import Domain
from adshift.stages.choice import Choice, chosen
from adshift.stages.embedding import embed_images
from adshift.stages.matching import train_moments
from adshift.stages.scored import ScoredImages
from adshift.stages.scoring import scored_images


@dataclass(frozen=True)
class Pictures:
    """N good images of the target, as a method embeds them.

    Attributes:
        group_N: the series of each, 0 to K - 1.
        seen: from a number of copies V - 1 to embeddings [V, N, h, w, D]: of the images, then of the copies.
        pasted: makes embeddings [J, N, h, w, D] of them with pasted defects; called where something is to be chosen.
        source: makes the moments of the train embeddings; called where a bank may be aligned.
    """

    group_N: NDArray[np.int64]
    seen: Callable[[int], Tensor]
    pasted: Callable[[], Tensor]
    source: Callable[[], Moments]


@dataclass(frozen=True)
class Extended:
    """What a repair was.

    Attributes:
        scores: each image's by the method that was repaired with the images of other series alone; where it was not
            repaired, or there is but one series, by it as it was fitted.
        way: how it was repaired; None where it was not.
        choice: what that rests on; None where it was given.
    """

    scores: list[Scores]
    way: Extension | None
    choice: Choice | None


@dataclass(frozen=True)
class Repair:
    """What a repair leaves beside the repaired model.

    Attributes:
        scored: the images with the scores of ``Extended``.
        seconds: what it took, the images' embedding included.
        way, choice: as in ``Extended``.
    """

    scored: ScoredImages
    seconds: float
    way: Extension | None
    choice: Choice | None


@torch.inference_mode()
def repair(trainer: pl.Trainer, module: AnomalyModule, datamodule: AnomalyDataModule, recipe: Recipe) -> Repair:
    """Repair a fitted module in place with the calibration role's images, which ``draw`` chose.

    Images of a series are left out together; with one series, they are scored by the model as it was fitted.
    """
    few, target, samples = recipe.few, recipe.test, datamodule.split.calibration
    assert few is not None
    started = time.perf_counter()
    eyes = _Eyes(trainer, module, datamodule)
    bank = module.method.bank is not None
    pictures = Pictures(
        unit_numbers(samples),
        lambda copies: torch.stack([eyes.on(samples, view) for view in few.views(target, copies, bank)]),
        lambda: torch.stack([eyes.on(images, target) for images in few.pasted(samples)]),
        cache(lambda: train_moments(trainer, module, datamodule)),
    )
    pictures.seen(0)
    module.cpu()
    first = len(datamodule.split.train) * len(datamodule.train_domains)
    made = repair_method(module.method, few, pictures, first, module.image_size)
    scored = scored_images(datamodule.images(samples, target), made.scores, datamodule.mask_resolution)
    seconds = time.perf_counter() - started - eyes.waited + eyes.took
    return Repair(scored, seconds, made.way, made.choice)


@dataclass
class _Eyes:
    """Embeds images, and notes what that took when it was done and how long it took to have it now."""

    trainer: pl.Trainer
    module: AnomalyModule
    datamodule: AnomalyDataModule
    took: float = 0.0
    waited: float = 0.0
    _seen: dict[tuple[tuple[Sample, ...], Domain], Tensor] = field(default_factory=dict)

    def on(self, samples: Sequence[Sample], domain: Domain) -> Tensor:
        key = (tuple(samples), domain)
        if key not in self._seen:
            started = time.perf_counter()
            data = self.datamodule
            images = data.images(samples, domain)
            found = embed_images(data.store, self.trainer, self.module, images, data.batch_size)
            self.module.cpu()  # Lightning moves it
            self._seen[key] = found.embedding_NHWD
            self.took += images.seconds + found.seconds
            self.waited += time.perf_counter() - started
        return self._seen[key]


@torch.inference_mode()
def repair_method(method: Method, few: FewImages, pictures: Pictures, first: int, image_size: int) -> Extended:
    """Repair a fitted method in place with a few images of the target, or leave it as it is where they say so.

    Args:
        method: fitted.
        few: how.
        pictures: the images.
        first: the place among the train images that the first of them gets.
        image_size: of the maps, S.
    """
    size, group_N = (image_size, image_size), pictures.group_N
    everyone = range(len(group_N))
    ways = few.extensions(method.bank is not None)
    choice = None
    if len(ways) > 1:

        def aligned(way: Extension, keep: Sequence[int]) -> Alignment | None:
            return _alignment(way, pictures, keep)

        choice = chosen(method, ways, pictures.seen, pictures.pasted, group_N, few, aligned, size)
    way = ways[0] if choice is None else choice.taken
    seen_VNhwD = pictures.seen(0 if way is None else way.copies)
    if way is None:
        return Extended([method.score(seen_VNhwD[0, i][None], size) for i in everyone], None, choice)
    condensed = [method.condensed(seen_VNhwD[:, i], way.ratio) for i in everyone]
    state = {name: value.clone() for name, value in method.state_dict().items()}

    def repaired(keep: Sequence[int]) -> None:
        method.load_state_dict(state)
        if keep:
            found = _alignment(way, pictures, keep)
            method.repair([condensed[i] for i in keep], first, way.weight, found, way.keep)

    scores: dict[int, Scores] = {}
    for left_out in range(int(group_N.max()) + 1):
        repaired([i for i in everyone if group_N[i] != left_out])
        for i in np.flatnonzero(group_N == left_out).tolist():
            scores[i] = method.score(seen_VNhwD[0, i][None], size)
    repaired(everyone)
    return Extended([scores[i] for i in everyone], way, choice)


def _alignment(way: Extension, pictures: Pictures, keep: Sequence[int]) -> Alignment | None:
    """What brings a memory bank to the images at some places, in all of their views; None where nothing does."""
    if way.align == "none":
        return None
    source = pictures.source()
    seen_VNhwD = pictures.seen(way.copies)
    return alignment(source, source.mixed(moments([seen_VNhwD[:, list(keep)]]), way.weight), way.align)
