"""The repair of a fitted model with a few normals of the target domain, and their scores by models without them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from adshift.adaptation.few_images import FewImages
from adshift.adaptation.recipe import Recipe
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.samples import unit_numbers
from adshift.methods.alignment import Alignment, Moments, alignment, moments
from adshift.methods.method import Method, Scores
from adshift.methods.module import AnomalyModule
from adshift.stages.embedding import embed_images
from adshift.stages.matching import train_moments
from adshift.stages.scored import ScoredImages
from adshift.stages.scoring import scored_images


@dataclass(frozen=True)
class Repair:
    """What a repair leaves beside the repaired model.

    Attributes:
        scored: each of the images, scored by the model that was repaired with the others alone.
        seconds: what it took, the images' embedding included.
    """

    scored: ScoredImages
    seconds: float


@torch.inference_mode()
def repair(trainer: pl.Trainer, module: AnomalyModule, datamodule: AnomalyDataModule, recipe: Recipe) -> Repair:
    """Repair a fitted module in place with the calibration role's images, which ``draw`` chose.

    Images of a series are left out together; with one series, they are scored by the model as it was fitted.
    """
    few, method = recipe.few, module.method
    assert few is not None
    samples = datamodule.split.calibration
    views = [datamodule.images(samples, domain) for domain in few.views(recipe.test)]
    embedded = [embed_images(datamodule.store, trainer, module, part, datamodule.batch_size) for part in views]
    started = time.perf_counter()
    module.cpu()
    embedding_VNhwD = torch.stack([part.embedding_NHWD for part in embedded])
    source = train_moments(trainer, module, datamodule) if method.bank is not None and few.align != "none" else None
    first = len(datamodule.split.train) * len(datamodule.train_domains)
    scores = repair_method(method, few, embedding_VNhwD, source, first, module.image_size, unit_numbers(samples))
    seconds = sum(view.seconds for view in views) + sum(part.seconds for part in embedded)
    seconds += time.perf_counter() - started
    return Repair(scored_images(views[0], scores, datamodule.mask_resolution), seconds)


@torch.inference_mode()
def repair_method(
    method: Method, few: FewImages, embedding_VNhwD: Tensor, source: Moments | None, first: int, image_size: int,
    group_N: NDArray[np.int64],
) -> list[Scores]:  # fmt: skip
    """Repair a fitted method in place with N images of the target.

    Args:
        method: fitted.
        few: how.
        embedding_VNhwD: of the images in V views; the first is the target itself.
        source: moments of the train embeddings, where a bank is aligned to the target; else None.
        first: the place among the train images that the first of them gets.
        image_size: of the maps, S.
        group_N: the series of each image, 0 to K - 1.

    Returns:
        each image's scores by the method that was repaired with the images of other series alone; where there is but one
        series, by it as it was fitted.
    """
    everyone = range(embedding_VNhwD.shape[1])
    condensed = [method.condensed(embedding_VNhwD[:, i], few.ratio) for i in everyone]
    state = {name: value.clone() for name, value in method.state_dict().items()}

    def repaired(keep: Sequence[int]) -> None:
        method.load_state_dict(state)
        found = None if source is None or not keep else _alignment(few, source, embedding_VNhwD[:, list(keep)])
        method.repair([condensed[i] for i in keep], first, few.weight, found)

    scores: dict[int, Scores] = {}
    for left_out in range(int(group_N.max()) + 1):
        repaired([i for i in everyone if group_N[i] != left_out])
        for i in np.flatnonzero(group_N == left_out).tolist():
            scores[i] = method.score(embedding_VNhwD[0, i][None], (image_size, image_size))
    repaired(everyone)
    return [scores[i] for i in everyone]


def _alignment(few: FewImages, source: Moments, target_VKhwD: Tensor) -> Alignment:
    return alignment(source, source.mixed(moments([target_VKhwD]), few.weight), few.align)
