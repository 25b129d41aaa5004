"""python -m adshift.advise: a finished run and photographs of the target to the repair that is worth it, made ready."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from adshift.advise.judged import Judged, judged, verdict
from adshift.advise.outcome import Outcome
from adshift.advise.plan import AdvisePlan, make_advise_plan
from adshift.advise.trial import Trials
from adshift.appearance.changes import Change, changes
from adshift.appearance.looks import measured
from adshift.calibration.calibration import Calibration, Calibrator
from adshift.config.build import plain
from adshift.config.nodes import CONFORMAL, FULL, OFFICIAL, THRESHOLD
from adshift.config.regime import born_recipe
from adshift.data.prepared import prepare_images
from adshift.data.samples import Sample, unit_count
from adshift.data.with_defects import with_defects
from adshift.errors import AdshiftError
from adshift.launch.folders import refuse_the_run_itself
from adshift.results.read import read_calibration, read_result
from adshift.run.cell import Cell
from adshift.run.division import SOURCE
from adshift.run.evaluate import evaluate_into, opened
from adshift.run.train import train_into
from adshift.shift.domain import Domain
from adshift.shift.photos import root_of
from adshift.shift.real import real_of
from adshift.stages.folds import assign_folds
from adshift.stages.matching import train_moments
from adshift.trials.bench import Bench
from adshift.trials.figures import good_images_rule

FEWEST = 10
"""Photographs without which nothing is judged."""
LOOKED_AT = 200
"""At most so many pictures of each set are measured for what has changed."""
REPAIRED = "repaired"


def advise(config: DictConfig) -> Outcome:
    """Give advice on a run; writes advise.json, the page and the repaired run into Hydra's output folder.

    Raises:
        AdshiftError: the run is of no use here, a value is out of bounds, or the folder holds no good photograph.
    """
    from hydra.core.hydra_config import HydraConfig

    from adshift.advise.write import write_outcome

    logging.getLogger("faiss.loader").setLevel(logging.WARNING)  # it tells of every instruction set it tries
    folder = Path(HydraConfig.get().runtime.output_dir)
    refuse_the_run_itself(config, folder / REPAIRED)
    outcome = advised(plain(config), folder)
    write_outcome(outcome, folder)
    return outcome


def advised(chosen: dict[str, Any], folder: Path) -> Outcome:
    """``advise`` without its page; the repaired run goes into ``folder``."""
    started = time.perf_counter()
    plan = make_advise_plan(chosen)
    cell, merged = opened(_for_run(chosen, THRESHOLD))
    target = cell.plan.recipe.test
    _require_plain(plan.run, cell)
    calibrator, notes = good_images_rule(cell.plan.calibrator, "new thresholds here are")
    good = tuple(s for s in cell.split.calibration if s.label == 0)
    tests = cell.split.test
    bench, told = None, None
    found: tuple[Judged, ...] = ()
    if len(good) >= FEWEST:
        bench = _bench(plan, cell, good, target)
        found = _judged(plan, cell, bench, calibrator, target, tests, notes)
        told = verdict(found, len(good), sum(s.label for s in tests))
    outcome = Outcome(
        chosen, plan, cell.plan.categories[0], len(cell.split.train), len(good), sum(s.label for s in tests),
        cell.split.train, cell.plan.root, root_of(target, cell.plan.root), bench, found, told,
        _changed(cell, good, target, plan.seed), getattr(calibrator, "alpha", None), None,
        (*cell.notes, *notes), 0.0,
    )  # fmt: skip
    repaired = None
    if told is not None and told.choice.taken is not None:
        rule = {"threshold": CONFORMAL} if cell.plan.calibrator.needs_anomalies else {}
        repaired = _repaired(chosen, {**merged, **rule}, rule, told.choice.taken.name, plan, folder / REPAIRED)
    return Outcome(**{**vars(outcome), "repaired": repaired, "seconds": time.perf_counter() - started})


def _for_run(chosen: dict[str, Any], adaptation: dict[str, Any]) -> dict[str, Any]:
    """What evaluate.py would be told."""
    kept = {key: chosen[key] for key in ("run", "data_root", "domain", "trainer", "store")}
    return {**kept, "adaptation": adaptation, "save_maps": False}


def _require_plain(run: Path, cell: Cell) -> None:
    """Refuse runs whose repair would be judged as something else than what it is."""
    if len(cell.plan.categories) != 1:
        raise AdshiftError(
            f"run={run} holds {len(cell.plan.categories)} categories, and advice is about one; fit one with "
            "data.category=NAME"
        )
    born = born_recipe(read_result(run)["config"], SOURCE)
    if born.few is not None or born.test_time is not None:
        raise AdshiftError(
            f"run={run} was repaired with a few images or scores in batches or views, and advice is about a run as it was "
            "fitted; give the run that it started from, or fit one without adaptation=few or test_time"
        )
    if real_of(cell.plan.recipe.test) is None:
        raise AdshiftError(
            f"domain={cell.plan.recipe.test.name} is no real one, and advice takes photographs of the target; give "
            "domain=photos domain.root=FOLDER"
        )


def _own(run: Path, category: str) -> Calibration:
    found = read_calibration(run).image
    own = found.get(category) or found.get("global")
    if own is None:
        raise AdshiftError(
            f"run={run} has no threshold, so that nobody can say what has become of its decisions; fit it with "
            "split=standard, or with crossfit=5"
        )
    return own


def _bench(plan: AdvisePlan, cell: Cell, good: tuple[Sample, ...], target: Domain) -> Bench:
    chosen = good
    if 0 < plan.images < len(good):
        chosen = tuple(sorted(random.Random(plan.seed).sample(good, max(plan.images, FEWEST))))
    k = min(plan.folds, unit_count(chosen))
    return Bench(
        cell.module.method, chosen, with_defects(chosen, plan.defects, plan.defect_size, plan.seed),
        assign_folds(chosen, k, plan.seed), cell.datamodule.images, cell.plan.image_size, cell.plan.batch_size,
        cell.trainer.strategy.root_device, target,
    )  # fmt: skip


def _judged(
    plan: AdvisePlan,
    cell: Cell,
    bench: Bench,
    calibrator: Calibrator,
    target: Domain,
    tests: Sequence[Sample],
    notes: list[str],
) -> tuple[Judged, ...]:
    trials = Trials(
        bench, SOURCE, target, cell.module.method, _own(plan.run, cell.plan.categories[0]), calibrator, plan.few,
        cache(lambda: train_moments(cell.trainer, cell.module, cell.datamodule)), len(cell.split.train),
    )  # fmt: skip
    smallest_pool = len(bench.good) - int(np.bincount(bench.fold_N).max())
    asked = [r for r in plan.repairs if r != "few" or plan.few.k <= smallest_pool]
    if len(asked) < len(plan.repairs):
        notes.append(f"few.k={plan.few.k} is not tried: the photographs of the other folds are {smallest_pool}")
    seen = cell.datamodule.images(tests, target) if tests else None
    made = [trials.trial(repair) for repair in asked]
    return judged(made, seen, cell.plan.batch_size, bench.device, plan.bootstrap, plan.seed)


def _changed(cell: Cell, good: Sequence[Sample], target: Domain, seed: int) -> tuple[Change, ...]:
    """The photographs against the train images, both as they lie there and brought to the detector's size."""

    def looks(samples: Sequence[Sample], domain: Domain) -> list[tuple[float, ...]]:
        some = sorted(random.Random(seed).sample(list(samples), min(LOOKED_AT, len(samples))))
        images = prepare_images(
            cell.plan.store, root_of(domain, cell.plan.root), some, domain, cell.plan.image_size, "input",
            cell.plan.num_workers,
        )  # fmt: skip
        return [measured(np.asarray(image)) for image in images.image_NSS3]

    return changes(looks(cell.split.train, SOURCE), looks(good, target))


def _repaired(
    chosen: dict[str, Any], merged: dict[str, Any], rule: dict[str, Any], repair: str, plan: AdvisePlan, out: Path
) -> Path:
    """The repaired run, made with all photographs."""
    out.mkdir(parents=True, exist_ok=True)
    if repair == "full":
        fitted = {key: value for key, value in merged.items() if key not in ("run", "logger")}
        train_into({**fitted, "adaptation": FULL, "split": OFFICIAL, "crossfit": plan.folds}, out)
    else:
        adaptation = chosen["few"] if repair == "few" else THRESHOLD
        evaluate_into({**_for_run(chosen, adaptation), **rule}, out)
    return out
