"""A finished run under another domain, calibration or split, without a new fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from adshift.adaptation.recipe import Recipe
from adshift.calibration.thresholds import Thresholds
from adshift.config.build import build, plain
from adshift.config.plan import Plan, make_plan
from adshift.config.regime import born_recipe, source_domain_of
from adshift.data.acquire import acquire
from adshift.data.domains import taken_in
from adshift.data.layouts.by_name import located
from adshift.data.seen import Known, SeenImage
from adshift.data.splits import Role, split_all
from adshift.errors import AdshiftError
from adshift.results.checkpoint import load_checkpoint, recorded_sha256
from adshift.results.files import BASE, CHECKPOINT
from adshift.results.read import read_calibration, read_config, read_correction, read_fitted, read_result
from adshift.run.cell import Cell
from adshift.run.finish import finish
from adshift.run.prepare import SOURCE, new_module, prepare
from adshift.run.train import output_folder


def evaluate(config: DictConfig) -> dict[str, Any]:
    """Score a finished run as ``config`` says; what it leaves out stays as the run had it. Returns the result.

    Raises:
        AdshiftError: the run is unfinished or itself an evaluation, the regime needs a new fit, or an image that the
            model was fitted on would be calibrated or tested on.
    """
    chosen = plain(config)
    run = Path(chosen["run"])
    result = read_result(run)
    fitted = result["config"]
    if "run" in fitted:
        raise AdshiftError(
            f"run={run} is itself an evaluation, without a model; give the run it evaluates: {fitted['run']}"
        )
    with read_config(run):
        merged = _merge(fitted, chosen)
        born = born_recipe(fitted, SOURCE)
        plan = _plan(merged, born)
        module = new_module(plan, weights="random")
    if not plan.recipe.same_model(born) or ("adaptation" in chosen and plan.regime.refits):
        raise AdshiftError(
            f"adaptation={plan.regime.name} needs a new fit, and evaluate.py never fits; use train.py domain="
            f"{merged['domain']['name']} adaptation={plan.regime.name}, or adaptation=none|threshold here"
        )
    repaired = born.few is not None
    path = run / (BASE if repaired else CHECKPOINT)
    load_checkpoint(module.method, path, recorded_sha256(result, "base_sha256" if repaired else "checkpoint_sha256"))
    correction = None if born.correction is None else born.correction.restored(read_correction(run))
    cell = prepare(plan, module, correction, _known(run, fitted, merged))
    return finish(cell, merged, output_folder(), {}, _crossfitted(run, chosen, cell))


def _crossfitted(run: Path, chosen: dict[str, Any], cell: Cell) -> Thresholds | None:
    """The run's own cross-fitted thresholds; to make others would take a fit a fold."""
    if not cell.plan.crossfit:
        return None
    if "threshold" in chosen or cell.plan.regime.name != "none":
        raise AdshiftError(
            f"crossfit={cell.plan.crossfit}: another threshold or another calibration domain needs {cell.plan.crossfit} "
            "new fits, and evaluate.py never fits; use train.py"
        )
    return read_calibration(run)


def _known(run: Path, fitted: dict[str, Any], merged: dict[str, Any]) -> Known:
    """What the run has seen: its list, or for a run from before there was one what its split gives today."""
    same = merged["split"] == fitted["split"]
    listed = read_fitted(run)
    return Known(_of_today(fitted, merged) if listed is None else listed, same)


def _of_today(fitted: dict[str, Any], merged: dict[str, Any]) -> tuple[SeenImage, ...]:
    """What the run's split gives today, by names alone."""
    data = merged["data"]
    indices = acquire(data["source"], located(data["source"], data["root"]), data["categories"])
    source = [taken_in(index, None, source_domain_of(data)) for index in indices]
    own = split_all(source, build(fitted["split"], "split"))
    roles: tuple[Role, ...] = ("train", "calibration")
    return tuple(SeenImage(role, sample.path, 0, "") for role in roles for sample in own.of(role))


def _merge(fitted: dict[str, Any], chosen: dict[str, Any]) -> dict[str, Any]:
    merged = {**fitted, **{key: value for key, value in chosen.items() if key != "data_root"}}
    if chosen["data_root"] is not None:
        merged["data"] = {**fitted["data"], "root": chosen["data_root"]}
    return merged


def _plan(merged: dict[str, Any], born: Recipe) -> Plan:
    """The regime as it would be of a fresh run, where that has the model at hand; else applied to that model."""
    plan = make_plan(merged, SOURCE)
    return plan if plan.recipe.same_model(born) else make_plan(merged, SOURCE, born)
