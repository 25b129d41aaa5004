"""One cell of the grid from its configuration to its result.json: prepare, fit, score, calibrate, measure, write."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from adshift.adaptation.declared import cautions, declared, regime_seconds
from adshift.adaptation.recipe import described
from adshift.calibration.thresholds import Thresholds
from adshift.config.build import build, plain
from adshift.config.plan import Plan, build_method, make_plan, require_calibratable
from adshift.data.acquire import acquire, verify_files
from adshift.data.correction import Correction
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.images import normalise
from adshift.data.lighting import light_notes, split_in_light
from adshift.data.samples import digest
from adshift.data.splits import ROLES
from adshift.errors import AdshiftError
from adshift.methods.module import AnomalyModule
from adshift.report.console import print_run
from adshift.results.checkpoint import BASE, file_sha256
from adshift.results.write import (
    counts,
    write_calibration,
    write_correction,
    write_maps,
    write_replicates,
    write_result,
    write_scores,
)
from adshift.run.cell import Cell
from adshift.run.roles import score_roles
from adshift.shift.domain import Domain
from adshift.stages.calibrate import calibrate
from adshift.stages.correction import fitted_correction
from adshift.stages.fit import CHECKPOINT, fit, make_trainer
from adshift.stages.latency import latency_ms
from adshift.stages.measure import measure
from adshift.stages.out_of_fold import assign_folds, out_of_fold
from adshift.stages.repair import draw
from adshift.stages.score_checks import score_warnings
from adshift.stages.scored import ScoredImages
from adshift.stages.unified import cross_threshold, foreign_matches
from adshift.system.provenance import device_name, git_commit, package_versions, peak_memory
from adshift.tracking.log import make_tracker, track

CLEAN = Domain()
SEARCH_IMAGES = 16


def train(config: DictConfig) -> dict[str, Any]:
    """Fit, calibrate and test; leaves the run in Hydra's output folder and returns the result."""
    chosen = plain(config)
    plan = make_plan(chosen, CLEAN)
    cell = prepare(chosen, plan, build_module(chosen))
    checkpoint = CHECKPOINT if plan.recipe.few is None else BASE
    timing = fit(cell.trainer, cell.module, cell.datamodule, output_folder() / checkpoint)
    cell.notes += cell.module.method.cautions(len(cell.split.train) * len(plan.recipe.train))
    return finish(cell, output_folder(), timing)


def build_module(config: dict[str, Any], weights: str | None = None) -> AnomalyModule:
    """The method in its Lightning module, unfitted; ``weights`` as in ``build_method``."""
    return AnomalyModule(build_method(config, weights), config["image_size"], config["method"])


def output_folder() -> Path:
    """Where Hydra wants the job's outputs."""
    from hydra.core.hydra_config import HydraConfig

    return Path(HydraConfig.get().runtime.output_dir)


def _trainer(config: dict[str, Any]) -> Any:
    return make_trainer(config["trainer"]["accelerator"], config["trainer"]["devices"])


def prepare(config: dict[str, Any], plan: Plan, module: AnomalyModule, correction: Correction | None = None) -> Cell:
    """Bring the images, split them, and check whatever would fail later; raises AdshiftError.

    ``correction`` is that of a finished run; where the recipe asks for one and there is none, it is fitted here.
    """
    trainer = _trainer(config)
    make_tracker(config)  # refuses a logger whose package is missing, before the fit
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
        build(config["store"], "store"), plan.root, split, plan.recipe.train,
        plan.image_size, plan.batch_size, plan.num_workers, plan.resolution,
    )  # fmt: skip
    notes += cautions(plan.recipe, split)
    if plan.recipe.correction is not None:
        datamodule.correction = correction or fitted_correction(plan.recipe.correction, datamodule)
    return Cell(config, plan, split, datamodule, module, trainer, time.perf_counter(), notes)


def _calibrate(cell: Cell, scored: ScoredImages, timing: dict[str, float]) -> Thresholds:
    """The thresholds of the calibration role, or of the folds; these add to ``timing``."""
    plan = cell.plan
    if scored.samples or not plan.crossfit:
        left_out = plan.recipe.few is not None
        return calibrate(plan.calibrator, plan.scope, plan.categories, scored, left_out=left_out)
    held_out = out_of_fold(lambda: _trainer(cell.config), cell.datamodule, plan, lambda: build_module(cell.config))
    timing["views"] += held_out.view_seconds
    return calibrate(plan.calibrator, plan.scope, plan.categories, held_out, folds=plan.crossfit)


def finish(cell: Cell, folder: Path, timing: dict[str, float], thresholds: Thresholds | None = None) -> dict[str, Any]:
    """Score, calibrate (unless ``thresholds`` are given), measure, write; for a fresh fit and for a finished run."""
    plan = cell.plan
    timing = dict(timing)
    scored = score_roles(cell, folder, timing)
    started = time.perf_counter()
    if thresholds is None:
        thresholds = _calibrate(cell, scored["calibration"], timing)
    timing["calibrate"] = time.perf_counter() - started
    started = time.perf_counter()
    evaluation = measure(scored["test"], thresholds, plan.categories, plan.bootstrap, plan.seed)
    timing["metrics"] = time.perf_counter() - started
    vectors, bank_bytes = cell.module.method.bank_shape()
    result = {
        "config": cell.config,
        "metrics": evaluation.metrics(),
        "threshold": {name: _brief(c) for name, c in thresholds.image.items()},
        "pixel_threshold": {name: _brief(c) for name, c in thresholds.pixel.items()},
        "counts": counts(
            {"train": cell.split.train, "calibration": cell.split.calibration, "test": cell.split.test}, plan.categories
        ),
        "timing": {**timing, "ms_per_image": _latency(cell), "wall": time.perf_counter() - cell.started},
        "adaptation": declared(
            plan.regime.name,
            plan.recipe,
            cell.split,
            plan.calibrator.needs_anomalies,
            regime_seconds(plan.recipe, timing, scored["calibration"].seconds - scored["calibration"].view_seconds),
            bank_bytes,
        ),
        "memory": {"bank_vectors": vectors, "bank_mb": bank_bytes / 1e6, **peak_memory()},
        "provenance": {**_provenance(cell), **_checkpoints(folder)},
        "warnings": [
            *cell.notes,
            *score_warnings(scored, plan.categories),
            *evaluation.warnings(),
            *_calibration_warnings(thresholds),
        ],
    }
    if len(plan.categories) > 1:
        result["unified"] = _unified(cell, scored, thresholds)
    if hasattr(cell.module.method, "search_report"):
        result["search"] = _search(cell)
    store = cell.datamodule.store
    result["store"] = {"made": dict(store.made), "reused": dict(store.reused)}
    write_scores(folder, scored, thresholds)
    write_replicates(folder, evaluation)
    if cell.datamodule.correction is not None:
        write_correction(folder, cell.datamodule.correction.parts())
    write_calibration(folder, thresholds, described(plan.recipe.calibration))
    if cell.config["save_maps"]:
        from adshift.report.pictures import write_pictures

        write_maps(folder, scored["test"])
        seen = cell.datamodule.correction
        write_pictures(folder / "pictures", plan.root, plan.recipe.test, scored["test"], thresholds, seen)
    write_result(folder, result)
    track(cell.config, folder)
    print_run(result, folder)
    return result


def _unified(cell: Cell, scored: dict[str, ScoredImages], thresholds: Thresholds) -> dict[str, Any]:
    categories = cell.plan.categories
    fitted_on = cell.split.train * len(cell.plan.recipe.train)
    found: dict[str, Any] = {"foreign_matches": foreign_matches(scored["test"], fitted_on, categories)}
    if set(thresholds.image) == set(categories):
        found["cross_threshold"] = {
            "held_out": cross_threshold(scored["test"], thresholds, categories),
            "train": cross_threshold(scored["train"], thresholds, categories),
        }
    return found


def _brief(calibration: Any) -> dict[str, Any]:
    return {
        "kind": calibration.kind,
        "value": calibration.threshold,
        "promised_rate": calibration.promised_rate,
        "n": calibration.n,
    }


def _calibration_warnings(thresholds: Thresholds) -> list[str]:
    kinds = (("image", thresholds.image), ("pixel", thresholds.pixel))
    return [f"{name}, {what} threshold: {w}" for what, group in kinds for name, c in group.items() for w in c.warnings]


def _latency(cell: Cell) -> dict[str, float] | None:
    """Milliseconds an image, in all of its views, by batch size; None where it is not wanted."""
    if not cell.config["metrics"]["latency"]:
        return None
    samples = cell.split.test or cell.split.train[:1]
    image = normalise(cell.datamodule.images(samples, cell.plan.recipe.test).image_NSS3[0])
    of_view = latency_ms(cell.datamodule.store, cell.module, image, cell.trainer.strategy.root_device)
    return {batch: cell.plan.recipe.passes * ms for batch, ms in of_view.items()}


def _checkpoints(folder: Path) -> dict[str, str | None]:
    """The hashes of the run's own model (None for an evaluation, which has none) and of what a repair started from."""
    found = {"checkpoint_sha256": folder / CHECKPOINT, "base_sha256": folder / BASE}
    return {name: file_sha256(path) if path.is_file() else None for name, path in found.items()}


def _search(cell: Cell) -> dict[str, Any]:
    """How neighbours are found, and what that loses on some test images, spread over the role."""
    method = cell.module.method
    found: dict[str, Any] = {"backend": method.backend, "exact": method.searches_exactly}
    if found["exact"] or not cell.split.test:
        return found
    images_NSS3 = cell.datamodule.images(cell.split.test, cell.plan.recipe.test).image_NSS3
    chosen = images_NSS3[:: -(-len(images_NSS3) // SEARCH_IMAGES)]
    device = cell.trainer.strategy.root_device
    cell.module.to(device)
    lost: dict[str, Any] = method.search_report(torch.stack([normalise(image) for image in chosen]).to(device))
    return found | lost


def _provenance(cell: Cell) -> dict[str, Any]:
    split = cell.split
    return {
        "git_commit": git_commit(),
        "packages": package_versions(),
        "device": device_name(cell.trainer.strategy.root_device),
        "weights": cell.config["backbone"]["weights"],
        "weights_sha256": cell.module.method.weights_sha256,
        "samples_sha256": digest((*split.train, *split.calibration, *split.test)),
        "seeds": {"seed": cell.plan.seed, "domain": cell.plan.recipe.test.seed},
    }
