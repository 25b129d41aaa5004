"""What comes before a fit: the images, their split, and every check that would fail later."""

from __future__ import annotations

import time
from pathlib import Path

from adshift.adaptation.declared import cautions
from adshift.config.plan import Plan, require_calibratable
from adshift.data.acquire import unread, verify_files
from adshift.data.correction import Correction
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.lighting import light_notes
from adshift.data.own import check_command
from adshift.data.samples import Sample
from adshift.data.seen import Known
from adshift.data.splits import ROLES, Split
from adshift.errors import AdshiftError
from adshift.methods.module import AnomalyModule
from adshift.run.cell import Cell
from adshift.run.division import divide, drawn, without_seen
from adshift.shift.domain import Domain
from adshift.shift.photos import Photos, photos_of, root_of
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
    notes = [*light_notes(split.test), *_verified(plan, split)]
    datamodule = AnomalyDataModule(
        plan.store, plan.root, split, plan.recipe.train,
        plan.image_size, plan.batch_size, plan.num_workers, plan.resolution,
    )  # fmt: skip
    if plan.recipe.correction is not None:
        datamodule.correction = correction or fitted_correction(plan.recipe.correction, datamodule)
    photos = photos_of(plan.recipe.test)
    strange, said = without_seen(plan, datamodule, known)
    datamodule.split = split = drawn(plan, strange, photos)
    notes += said
    _require_roles(plan, split, photos)
    notes += cautions(plan.recipe, split)
    refitted = known is not None and plan.crossfit  # the fits that would test each photograph without itself are gone
    tests_itself = photos is not None and not split.test and not refitted
    if photos is not None and tests_itself:
        notes.append(_out_of_fold_note(photos))
    return Cell(plan, split, datamodule, module, trainer, time.perf_counter(), notes, tests_itself, known)


def _verified(plan: Plan, split: Split) -> list[str]:
    """What should be known of the files, folder by folder; raises AdshiftError for one that cannot be used."""
    folders: dict[Path, list[Sample]] = {}
    for role in ROLES:
        folders.setdefault(root_of(plan.recipe.of(role)[0], plan.root), []).extend(split.of(role))
    notes = unread(plan.source, plan.root, plan.categories)
    for root, samples in folders.items():
        doctor = check_command(plan.source, root, plan.categories) if root == plan.root else ""
        notes += verify_files(root, samples, doctor)
    return notes


def _require_roles(plan: Plan, split: Split, photos: Photos | None) -> None:
    """Refuse, before the fit, roles that would fail after it."""
    require_calibratable(plan, split.calibration)
    if plan.crossfit and split.calibration:
        raise AdshiftError(
            f"crossfit={plan.crossfit} is for a split without calibration images; use crossfit=0, or split=official where "
            "the data set has no validation images of its own"
        )
    if plan.crossfit:
        assign_folds(split.train, plan.crossfit, plan.seed)  # refuses more folds than images, before the fit
    if not split.test and photos is None and plan.source != "folder":
        raise AdshiftError(
            f"data.root={plan.root} holds no test image; put some into CATEGORY/test/good and test/DEFECT"
        )


def _out_of_fold_note(photos: Photos) -> str:
    return (
        f"domain.root={photos.root} holds no photograph to test on: the good ones that calibrate are tested, each by a "
        "threshold that it had no part in; figures that need defects are null (put some into test/DEFECT)"
    )
