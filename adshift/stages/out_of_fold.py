"""Out-of-fold scores: every train image scored by a model that has not seen it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytorch_lightning as pl

from adshift.adaptation.recipe import Recipe
from adshift.data.datamodule import AnomalyDataModule
from adshift.methods.module import AnomalyModule
from adshift.stages.fit import fit
from adshift.stages.folds import assign_folds
from adshift.stages.matching import fitted_matching
from adshift.stages.scored import ScoredImages, joined
from adshift.stages.scoring import score_images


def out_of_fold(
    new_trainer: Callable[[], pl.Trainer],
    new_module: Callable[[], AnomalyModule],
    datamodule: AnomalyDataModule,
    recipe: Recipe,
    k: int,
    seed: int,
) -> ScoredImages:
    """Fit ``k`` models, each without one fold, and score it in the calibration domain, as test images are."""
    train = datamodule.split.train
    fold_N = assign_folds(train, k, seed)
    parts: list[ScoredImages] = []
    for fold in range(k):
        rest = tuple(s for s, f in zip(train, fold_N, strict=True) if f != fold)
        held_out = tuple(s for s, f in zip(train, fold_N, strict=True) if f == fold)
        part = AnomalyDataModule(
            datamodule.store, datamodule.root, replace(datamodule.split, train=rest), datamodule.train_domains,
            datamodule.image_size, datamodule.batch_size, datamodule.num_workers, datamodule.mask_resolution,
            datamodule.correction,
        )  # fmt: skip
        module, trainer = new_module(), new_trainer()
        fit(trainer, module, part)
        matching = fitted_matching(recipe.test_time, trainer, module, part)
        for domain in recipe.calibration:
            parts.append(score_images(trainer, module, part, held_out, domain, matching, recipe.augmentation))
    return joined(parts)
