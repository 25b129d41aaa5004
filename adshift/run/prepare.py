"""What comes before a fit: the images, their split, and every check that would fail later."""

from __future__ import annotations

import time
from pathlib import Path

from adshift.adaptation.declared import cautions
from adshift.config.plan import Plan, require_calibratable
from adshift.data.acquire import verify_files
from adshift.data.correction import Correction
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.domains import domain_notes
from adshift.data.samples import Sample
from adshift.data.seen import Known
from adshift.data.splits import ROLES, Role, Split
from adshift.errors import AdshiftError
from adshift.methods.module import AnomalyModule
from adshift.run.cell import Cell
from adshift.run.division import divide, drawn, without_seen
from adshift.shift.domain import Domain
from adshift.shift.photos import root_of
from adshift.shift.real import Real, real_of
from adshift.stages.correction import fitted_correction
from adshift.stages.fit import make_trainer
from adshift.stages.out_of_fold import assign_folds

SOURCE = Domain()
"""What a model is fitted in where nothing is adapted."""


def new_module(plan: Plan, weights: str | None = None) -> AnomalyModule:
    """The method in its Lightning module, unfitted; ``weights`` as in ``ModelPlan.built``."""
    return AnomalyModule(plan.model.built(weights), plan.image_size, plan.model.settings)


def prepare(
    plan: Plan, module: AnomalyModule, correction: Correction | None = None, known: Known | None = None
) -> Cell:
    """Bring the images, split them, and check whatever would fail later; raises AdshiftError.

    Args:
        plan: of the cell.
        module: unfitted, or with a finished run's model.
        correction: that of a finished run; where the recipe asks for one and there is none, it is fitted here.
        known: what a finished run has seen; None for a fit.
    """
    trainer = make_trainer(plan.accelerator, plan.devices)
    plan.tracker.require()  # refuses a logger whose package is missing, before the fit
    split = divide(plan, known)
    notes = [*domain_notes(split.test), *_verified(plan, split)]
    datamodule = AnomalyDataModule(
        plan.store, plan.root, split, plan.recipe.train,
        plan.image_size, plan.batch_size, plan.num_workers, plan.resolution,
    )  # fmt: skip
    if plan.recipe.correction is not None:
        datamodule.correction = correction or fitted_correction(plan.recipe.correction, datamodule)
    real = real_of(plan.recipe.test)
    strange, said = without_seen(plan, datamodule, known)
    datamodule.split = split = drawn(plan, strange, real)
    notes += said
    _require_roles(plan, split, real)
    notes += cautions(plan.recipe, split)
    tests_itself = real is not None and not split.test
    if real is not None and tests_itself:
        notes.append(_out_of_fold_note(real))
    return Cell(plan, split, datamodule, module, trainer, time.perf_counter(), notes, tests_itself, known)


def _verified(plan: Plan, split: Split) -> list[str]:
    """What should be known of the files, folder by folder; raises AdshiftError for one that cannot be used."""
    folders: dict[Path, list[Sample]] = {}
    roles: tuple[Role, ...] = (*ROLES, "uncertain")
    for role in roles:
        folders.setdefault(root_of(plan.recipe.of(role)[0], plan.root), []).extend(split.of(role))
    return [note for root, samples in folders.items() for note in verify_files(root, samples)]


def _require_roles(plan: Plan, split: Split, real: Real | None) -> None:
    """Refuse, before the fit, roles that would fail after it."""
    require_calibratable(plan, split.calibration)
    if plan.crossfit and split.calibration:
        raise AdshiftError(
            f"crossfit={plan.crossfit} is for a split without calibration images; use crossfit=0, or split=official where "
            "the data set has no validation images of its own"
        )
    if plan.crossfit:
        assign_folds(split.train, plan.crossfit, plan.seed)  # refuses more folds than images, before the fit
    if not split.test and real is None and plan.source != "folder":
        raise AdshiftError(
            f"data.root={plan.root} holds no test image; put some into CATEGORY/test/good and test/DEFECT"
        )


def _out_of_fold_note(real: Real) -> str:
    return (
        f"{real.told} holds no photograph to test on: the good ones that calibrate are tested, each by a "
        "threshold that it had no part in; figures that need defects are null (put some into test/DEFECT)"
    )
