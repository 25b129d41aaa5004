"""What comes before a fit: the images, their split, and every check that would fail later."""

from __future__ import annotations

import time
from dataclasses import replace

from adshift.adaptation.declared import cautions
from adshift.config.plan import Plan, require_calibratable
from adshift.data.acquire import acquire, verify_files
from adshift.data.correction import Correction
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.lighting import light_notes, split_in_light
from adshift.data.splits import ROLES
from adshift.errors import AdshiftError
from adshift.methods.module import AnomalyModule
from adshift.run.cell import Cell
from adshift.shift.domain import Domain
from adshift.stages.correction import fitted_correction
from adshift.stages.fit import make_trainer
from adshift.stages.out_of_fold import assign_folds
from adshift.stages.repair import draw

SOURCE = Domain()
"""What a model is fitted in where nothing is adapted."""


def new_module(plan: Plan, weights: str | None = None) -> AnomalyModule:
    """The method in its Lightning module, unfitted; ``weights`` as in ``ModelPlan.built``."""
    return AnomalyModule(plan.model.built(weights), plan.image_size, plan.model.settings)


def prepare(plan: Plan, module: AnomalyModule, correction: Correction | None = None) -> Cell:
    """Bring the images, split them, and check whatever would fail later; raises AdshiftError.

    ``correction`` is that of a finished run; where the recipe asks for one and there is none, it is fitted here.
    """
    trainer = make_trainer(plan.accelerator, plan.devices)
    plan.tracker.require()  # refuses a logger whose package is missing, before the fit
    indices = acquire(plan.source, plan.root, plan.categories)
    split = split_in_light(indices, plan.splitter, {role: plan.recipe.of(role) for role in ROLES}, plan.regime.name)
    if plan.recipe.few is not None:
        split = replace(split, calibration=draw(plan.recipe.few, split.calibration, plan.categories))
    require_calibratable(plan, split.calibration)
    if plan.crossfit and split.calibration:
        raise AdshiftError(
            f"crossfit={plan.crossfit} is for a split without calibration images; use crossfit=0, or split=official where "
            "the data set has no validation images of its own"
        )
    if plan.crossfit:
        assign_folds(split.train, plan.crossfit, plan.seed)  # refuses more folds than images, before the fit
    if not split.test and plan.source != "folder":
        raise AdshiftError(
            f"data.root={plan.root} holds no test image; put some into CATEGORY/test/good and test/DEFECT"
        )
    notes = [*light_notes(split.test), *verify_files(plan.root, (*split.train, *split.calibration, *split.test))]
    datamodule = AnomalyDataModule(
        plan.store, plan.root, split, plan.recipe.train,
        plan.image_size, plan.batch_size, plan.num_workers, plan.resolution,
    )  # fmt: skip
    notes += cautions(plan.recipe, split)
    if plan.recipe.correction is not None:
        datamodule.correction = correction or fitted_correction(plan.recipe.correction, datamodule)
    return Cell(plan, split, datamodule, module, trainer, time.perf_counter(), notes)
