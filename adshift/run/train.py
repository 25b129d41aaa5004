"""One cell of the grid from its configuration to its result.json: prepare, fit, score, calibrate, measure, write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from adshift.config.build import plain
from adshift.config.plan import make_plan
from adshift.run.division import SOURCE
from adshift.run.foresee import foresee
from adshift.run.output import output_folder


def train(config: DictConfig) -> dict[str, Any]:
    """Fit, calibrate and test; leaves the run, and it alone, in Hydra's output folder; returns the result."""
    return train_into(plain(config), output_folder())


def train_into(chosen: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same from a resolved configuration, into any folder."""
    plan = make_plan(chosen, SOURCE)
    foreseen = foresee(plan)
    # What is heavy is imported when no mistake is left that could be told without it.
    from adshift.data.series.hint import series_hint
    from adshift.results.earlier import remove_earlier
    from adshift.results.files import BASE, CHECKPOINT
    from adshift.run.finish import finish
    from adshift.run.prepare import new_module, prepare
    from adshift.stages.fit import fit

    cell = prepare(plan, foreseen, new_module(plan))
    remove_earlier(folder)
    checkpoint = CHECKPOINT if plan.recipe.few is None else BASE
    timing = fit(cell.trainer, cell.module, cell.datamodule, folder / checkpoint)
    if plan.series is None and cell.datamodule.fitted is not None:
        cell.notes += series_hint(cell.split.train, cell.datamodule.fitted.image_NSS3)
    cell.notes += cell.module.method.cautions(len(cell.split.train) * len(plan.recipe.train))
    return finish(cell, chosen, folder, timing)
