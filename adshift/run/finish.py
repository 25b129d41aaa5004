"""What comes after a fit: scores, thresholds, figures, and the files of the run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from adshift.adaptation.declared import declared, regime_seconds
from adshift.adaptation.recipe import described
from adshift.calibration.thresholds import Thresholds
from adshift.data.seen import SeenImage
from adshift.data.splits import ROLES
from adshift.report.console import print_run
from adshift.report.pictures import write_pictures
from adshift.results.files import PICTURES
from adshift.results.write import (
    counts,
    write_calibration,
    write_correction,
    write_fitted,
    write_maps,
    write_replicates,
    write_result,
    write_scores,
)
from adshift.run.cell import Cell
from adshift.run.prepare import new_module
from adshift.run.record import brief, calibration_warnings, checkpoints, latency, provenance, search, unified
from adshift.run.repaired import described_repair, repair_notes
from adshift.run.roles import score_roles
from adshift.shift.photos import root_of
from adshift.stages.calibrate import calibrate, with_left_out
from adshift.stages.fit import make_trainer
from adshift.stages.measure import Evaluation, measure
from adshift.stages.out_of_fold import out_of_fold
from adshift.stages.outlines import realised
from adshift.stages.repair import Repair
from adshift.stages.score_checks import score_warnings
from adshift.stages.scored import ScoredImages
from adshift.stages.uncertain import uncertain_rates
from adshift.system.provenance import peak_memory
from adshift.tracking.log import track


def _calibration_scores(
    cell: Cell, scored: ScoredImages, extended: bool, timing: dict[str, float]
) -> tuple[ScoredImages, int]:
    """The scores that thresholds are made of, and how many folds they come from (0: of images that no fit has seen).

    ``extended``: whether the calibration images have extended the model. Cross-fitting adds to ``timing``.
    """
    plan = cell.plan
    if extended:
        return scored, len(scored.samples)
    if scored.samples or not plan.crossfit:
        return scored, 0
    held_out = out_of_fold(
        lambda: make_trainer(plan.accelerator, plan.devices), lambda: new_module(plan), cell.datamodule, plan.recipe,
        plan.crossfit, plan.seed,
    )  # fmt: skip
    timing["views"] += held_out.view_seconds
    return held_out, plan.crossfit


def _calibrated(cell: Cell, scored: ScoredImages, folds: int, left_out: bool) -> Thresholds:
    """The thresholds, with those that decide on the calibration images themselves where these are tested."""
    plan = cell.plan
    part = plan.calibrator, plan.scope, plan.categories, scored
    made = calibrate(*part, 0 if left_out else folds, left_out, plan.pixel)
    return with_left_out(made, *part, folds) if cell.tests_itself else made


def finish(
    cell: Cell,
    config: dict[str, Any],
    folder: Path,
    timing: dict[str, float],
    thresholds: Thresholds | None = None,
) -> dict[str, Any]:
    """Score, calibrate (unless ``thresholds`` are given), measure, write; for a fresh fit and for a finished run.

    Args:
        cell: with a fitted module.
        config: the resolved configuration, copied into the result.
        folder: of the run.
        timing: seconds of the fit's stages.
        thresholds: those of the run that is evaluated, where they are kept.
    """
    plan = cell.plan
    timing = dict(timing)
    scored, repaired = score_roles(cell, folder, timing)
    started = time.perf_counter()
    if thresholds is None:
        extended = repaired is not None and repaired.way is not None
        own, folds = _calibration_scores(cell, scored["calibration"], extended, timing)
        thresholds = _calibrated(cell, own, folds, extended)
        if cell.tests_itself:
            scored["test"] = own.select(own.label_N == 0)
    timing["calibrate"] = time.perf_counter() - started
    started = time.perf_counter()
    evaluation = measure(scored["test"], thresholds, plan.categories, plan.bootstrap, plan.seed)
    timing["metrics"] = time.perf_counter() - started
    result = {"config": config, **_result(cell, folder, scored, repaired, thresholds, evaluation, timing)}
    _write(cell, folder, scored, thresholds, evaluation)
    write_result(folder, result)
    track(plan.tracker, folder)
    print_run(result, folder)
    return result


def _result(
    cell: Cell,
    folder: Path,
    scored: dict[str, ScoredImages],
    repaired: Repair | None,
    thresholds: Thresholds,
    evaluation: Evaluation,
    timing: dict[str, float],
) -> dict[str, Any]:
    """result.json but for the configuration."""
    plan, split, method = cell.plan, cell.split, cell.module.method
    vectors, bank_bytes = method.bank_shape()
    calibration = scored["calibration"]
    spent = regime_seconds(plan.recipe, timing, calibration.seconds - calibration.view_seconds)
    result = {
        "metrics": evaluation.metrics(),
        "threshold": {name: brief(c) for name, c in thresholds.image.items()},
        "pixel_threshold": {name: brief(c) for name, c in thresholds.pixel.items()},
        "regions": realised(scored["test"], thresholds, plan.categories),
        "counts": counts({role: split.of(role) for role in ROLES}, plan.categories),
        "timing": {**timing, "ms_per_image": latency(cell), "wall": time.perf_counter() - cell.started},
        "adaptation": _adaptation(cell, repaired, spent, bank_bytes),
        "memory": {"bank_vectors": vectors, "bank_mb": bank_bytes / 1e6, **peak_memory()},
        "provenance": {**provenance(cell), **checkpoints(folder)},
        "warnings": [
            *cell.notes,
            *([] if repaired is None else repair_notes(repaired, split.calibration, method.bank is not None)),
            *score_warnings(scored, plan.categories),
            *evaluation.warnings(),
            *calibration_warnings(thresholds),
        ],
    }
    if "uncertain" in scored:
        result["uncertain"] = uncertain_rates(scored["uncertain"], thresholds)
    if len(plan.categories) > 1:
        result["unified"] = unified(cell, scored, thresholds)
    if method.bank is not None:
        result["search"] = search(cell, method.bank)
    store = cell.datamodule.store
    result["store"] = {"made": dict(store.made), "reused": dict(store.reused)}
    return result


def _adaptation(cell: Cell, repaired: Repair | None, spent: float, model_bytes: int) -> dict[str, Any]:
    plan, bank = cell.plan, cell.module.method.bank is not None
    way = None if repaired is None else repaired.way
    labels = plan.calibrator.needs_anomalies
    found = declared(plan.regime.name, plan.recipe, cell.split, labels, spent, model_bytes, way)
    return found if repaired is None else found | {"few": described_repair(repaired, bank)}


def _write(
    cell: Cell, folder: Path, scored: dict[str, ScoredImages], thresholds: Thresholds, evaluation: Evaluation
) -> None:
    """Everything beside result.json, which comes last."""
    plan, correction = cell.plan, cell.datamodule.correction
    target = plan.recipe.test
    write_scores(folder, scored, thresholds)
    write_replicates(folder, evaluation)
    write_fitted(folder, _seen(cell))
    if correction is not None:
        write_correction(folder, correction.parts())
    write_calibration(folder, thresholds, described(plan.recipe.calibration))
    if plan.save_maps:
        write_maps(folder, scored["test"])
        write_pictures(folder / PICTURES, root_of(target, plan.root), target, scored["test"], thresholds, correction)


def _seen(cell: Cell) -> list[SeenImage]:
    """What the run's model was fitted and its thresholds calibrated on."""
    data, recipe = cell.datamodule, cell.plan.recipe
    if cell.known is None:
        fitted = data.seen("train", recipe.train[0])
    else:
        fitted = [image for image in cell.known.seen if image.role == "train"]
    return [*fitted, *data.seen("calibration", recipe.calibration[0])]
