"""What comes before a fit: the images read, and every check that needs their pixels."""

from __future__ import annotations

import time

from adshift.adaptation.declared import cautions
from adshift.config.plan import Plan
from adshift.data.correction import Correction
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.seen import Known
from adshift.methods.module import AnomalyModule
from adshift.run.cell import Cell
from adshift.run.division import drawn, without_seen
from adshift.run.foresee import Foreseen, require_roles
from adshift.shift.real import Real, real_of
from adshift.stages.correction import fitted_correction
from adshift.stages.fit import make_trainer


def new_module(plan: Plan, weights: str | None = None) -> AnomalyModule:
    """The method in its Lightning module, unfitted; ``weights`` as in ``ModelPlan.built``."""
    return AnomalyModule(plan.model.built(weights), plan.image_size, plan.model.settings)


def prepare(
    plan: Plan,
    foreseen: Foreseen,
    module: AnomalyModule,
    correction: Correction | None = None,
    known: Known | None = None,
) -> Cell:
    """Read the images as far as their roles ask for it, and check whatever would fail later; raises AdshiftError.

    Args:
        plan: of the cell.
        foreseen: its images by their roles.
        module: unfitted, or with a finished run's model.
        correction: that of a finished run; where the recipe asks for one and there is none, it is fitted here.
        known: what a finished run has seen; None for a fit.
    """
    trainer = make_trainer(plan.accelerator, plan.devices)
    notes = list(foreseen.notes)
    datamodule = AnomalyDataModule(
        plan.store, plan.root, foreseen.split, plan.recipe.train,
        plan.image_size, plan.batch_size, plan.num_workers, plan.resolution,
    )  # fmt: skip
    if plan.recipe.correction is not None:
        datamodule.correction = correction or fitted_correction(plan.recipe.correction, datamodule)
    real = real_of(plan.recipe.test)
    strange, said = without_seen(plan, datamodule, known)
    datamodule.split = split = drawn(plan, strange, real)
    notes += said
    require_roles(plan, split, real)
    notes += cautions(plan.recipe, split)
    refitted = known is not None and plan.crossfit  # the fits that would test each image without itself are gone
    tests_itself = real is not None and not split.test and not refitted
    if real is not None and tests_itself:
        notes.append(_out_of_fold_note(real))
    return Cell(plan, split, datamodule, module, trainer, time.perf_counter(), notes, tests_itself, known)


def _out_of_fold_note(real: Real) -> str:
    return (
        f"{real.told} holds no photograph to test on: the good ones that calibrate are tested, each by a "
        "threshold that it had no part in; figures that need defects are null (put some into test/DEFECT)"
    )
