"""A finished run under another domain, calibration or split, without a new fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from adshift.adaptation.recipe import Recipe
from adshift.config.build import build, checked, plain
from adshift.config.plan import Plan, make_plan
from adshift.config.regime import born_recipe, build_regime, source_domain_of
from adshift.data.acquire import acquire
from adshift.data.domains import taken_in
from adshift.data.layouts.by_name import located
from adshift.data.moved import FOLDER, placed
from adshift.data.seen import Known, SeenImage
from adshift.data.splits import Role, split_all
from adshift.errors import AdshiftError
from adshift.report.cells import BORN
from adshift.results.earlier import refuse_fitted, remove_earlier
from adshift.results.files import BASE, CHECKPOINT
from adshift.results.read import read_calibration, read_config, read_correction, read_fitted, read_result
from adshift.run.division import SOURCE
from adshift.run.foresee import foresee
from adshift.run.output import output_folder

if TYPE_CHECKING:  # it needs Lightning, which is not imported before the roles stand
    from adshift.run.cell import Cell


def evaluate(config: DictConfig) -> dict[str, Any]:
    """Score a finished run as ``config`` says, into Hydra's output folder; see ``evaluate_into``."""
    return evaluate_into(plain(config), output_folder())


def evaluate_into(chosen: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Score a finished run as ``chosen`` says; what it leaves out stays as the run had it. Returns the result.

    An earlier evaluation's files in ``folder`` go.

    Raises:
        AdshiftError: ``folder`` holds a fit; or as ``opened`` does.
    """
    refuse_fitted(folder)
    cell, merged = opened(chosen)
    from adshift.run.finish import finish

    remove_earlier(folder)
    kept = read_calibration(Path(chosen["run"])) if cell.plan.crossfit else None
    return finish(cell, merged, folder, {}, kept)


def opened(chosen: dict[str, Any]) -> tuple[Cell, dict[str, Any]]:
    """A finished run with its model loaded, its images in the roles that ``chosen`` gives them, and the configuration.

    Raises:
        AdshiftError: the run is unfinished or itself an evaluation, the regime needs a new fit, or an image that the
            model was fitted on would be calibrated or tested on.
    """
    run = Path(checked("run", chosen["run"], str))
    result = read_result(run)
    fitted = result["config"]
    if "run" in fitted:
        raise AdshiftError(
            f"run={run} is itself an evaluation, without a model; give the run it evaluates: {fitted['run']}"
        )
    with read_config(run):
        merged = _merge(run, fitted, chosen)
        born = born_recipe(fitted, SOURCE)
        plan = make_plan(merged, SOURCE)
        if not plan.recipe.same_model(born):  # it is applied to the model at hand, which the report is to tell apart
            plan = make_plan(merged, SOURCE, born)
            merged |= {BORN: build_regime(fitted["adaptation"]).name}
    _require_no_fit(plan, born, chosen, merged)
    known = _known(run, fitted, merged)
    foreseen = foresee(plan, known)
    # What is heavy is imported when no mistake is left that could be told without it.
    from adshift.results.checkpoint import load_checkpoint, recorded_sha256
    from adshift.run.prepare import new_module, prepare

    with read_config(run):
        module = new_module(plan, weights="random")
    repaired = born.few is not None
    path = run / (BASE if repaired else CHECKPOINT)
    load_checkpoint(module.method, path, recorded_sha256(result, "base_sha256" if repaired else "checkpoint_sha256"))
    correction = None if born.correction is None else born.correction.restored(read_correction(run))
    return prepare(plan, foreseen, module, correction, known), merged


def _require_no_fit(plan: Plan, born: Recipe, chosen: dict[str, Any], merged: dict[str, Any]) -> None:
    """Refuse what needs a new fit: another model, or under cross-fitting, with a fit a fold, another threshold.

    Where the run is cross-fitted, its own thresholds are kept.
    """
    if not plan.recipe.same_model(born) or ("adaptation" in chosen and plan.regime.refits):
        here = "none" if plan.crossfit else "none|threshold"
        raise AdshiftError(
            f"adaptation={plan.regime.name} needs a new fit, and evaluate.py never fits; use train.py domain="
            f"{merged['domain']['name']} adaptation={plan.regime.name}, or adaptation={here} here"
        )
    if plan.crossfit and ("threshold" in chosen or plan.recipe.calibration != born.calibration):
        raise AdshiftError(
            f"crossfit={plan.crossfit}: another threshold or another calibration domain needs {plan.crossfit} new fits, "
            "and evaluate.py never fits; use train.py, or calibrate on photographs: domain=photos domain.root=FOLDER"
        )


def _known(run: Path, fitted: dict[str, Any], merged: dict[str, Any]) -> Known:
    """What the run has seen: its list, or for a run from before there was one what its split gives today."""
    same = merged["split"] == fitted["split"]
    listed = read_fitted(run)
    return Known(_of_today(fitted, merged) if listed is None else listed, same)


def _of_today(fitted: dict[str, Any], merged: dict[str, Any]) -> tuple[SeenImage, ...]:
    """What the run's split gives today, by names alone."""
    data = merged["data"]
    root, folder = located(data["source"], data["root"]), data.get(FOLDER, "")
    indices = acquire(data["source"], root, data["categories"], folder)
    source = [taken_in(index, None, source_domain_of(data)) for index in indices]
    own = split_all(source, build(fitted["split"], "split"))
    roles: tuple[Role, ...] = ("train", "calibration")
    return tuple(SeenImage(role, sample.path, 0, "") for role in roles for sample in own.of(role))


def _merge(run: Path, fitted: dict[str, Any], chosen: dict[str, Any]) -> dict[str, Any]:
    merged = {**fitted, **{key: value for key, value in chosen.items() if key != "data_root"}}
    return merged | {"data": placed(fitted["data"], chosen["data_root"], run)}
