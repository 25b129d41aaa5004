"""python -m adshift.stress: a finished run's settings, fitted anew on folds of its good images and put under stress."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tqdm.auto as tqdm_auto
from omegaconf import DictConfig
from tqdm import tqdm

from adshift.calibration.calibration import Calibrator
from adshift.calibration.conformal import Conformal
from adshift.calibration.crossfit import folds
from adshift.config.build import build, plain
from adshift.config.plan import Plan, make_plan
from adshift.data.acquire import acquire, verify_files
from adshift.data.domains import taken_in
from adshift.data.prepared import PreparedImages, prepare_images
from adshift.data.samples import Sample
from adshift.errors import AdshiftError
from adshift.results.read import read_config, read_result
from adshift.shift.domain import Domain
from adshift.shift.names import CLEAN
from adshift.stages.fit import make_trainer
from adshift.stress.bench import Bench, with_defects
from adshift.stress.cells import Cell, Measure
from adshift.stress.outcome import Outcome
from adshift.stress.plan import REPAIRS, StressPlan, make_stress_plan, photographs
from adshift.stress.verdicts import verdict


def stress(config: DictConfig) -> Outcome:
    """Put a run's settings under stress; writes stress.json, stress.csv and the page into Hydra's output folder.

    Raises:
        AdshiftError: the run is of no use here, a value is out of bounds, or there are too few good images.
    """
    from hydra.core.hydra_config import HydraConfig

    from adshift.stress.write import write_outcome

    logging.getLogger("faiss.loader").setLevel(logging.WARNING)  # it tells of every instruction set it tries
    outcome = put_under_stress(plain(config))
    write_outcome(outcome, Path(HydraConfig.get().runtime.output_dir))
    return outcome


def put_under_stress(chosen: dict[str, Any]) -> Outcome:
    """``stress`` without its files."""
    started = time.perf_counter()
    asked = make_stress_plan(chosen)
    fitted = _settings(asked.run, chosen["data_root"])
    plan = make_plan(fitted, Domain())
    calibrator, notes = _calibrator(plan)
    index = taken_in(acquire(plan.source, plan.root, plan.categories)[0], None, plan.domain)
    good = photographs(index, asked)
    notes += verify_files(plan.root, good)
    device = make_trainer(chosen["trainer"]["accelerator"], chosen["trainer"]["devices"]).strategy.root_device
    store = build(chosen["store"], "store")

    def prepare(samples: Any, domain: Domain) -> PreparedImages:
        return prepare_images(store, plan.root, samples, domain, plan.image_size, "input", plan.num_workers)

    bench = Bench(
        plan.model.built(), good, _pasted(good, asked), folds(len(good), asked.folds, asked.seed), prepare,
        plan.image_size, plan.batch_size, device, Domain(),
    )  # fmt: skip
    cells = _cells(Measure(bench, calibrator, asked.bootstrap, asked.seed), asked)
    verdicts = [verdict(cells, component, domain.severity) for component, domain in asked.domains()]
    return Outcome(
        chosen, fitted, plan.root, asked, bench, calibrator, cells, tuple(v for v in verdicts if v is not None),
        tuple(notes), time.perf_counter() - started,
    )  # fmt: skip


def _settings(run: Path, data_root: str | None) -> dict[str, Any]:
    """The configuration of the run, with its images where they lie now.

    Raises:
        AdshiftError: it is none of a finished run on one category.
    """
    config: dict[str, Any] = read_result(run)["config"]
    with read_config(run):
        if data_root is not None:
            config = {**config, "data": {**config["data"], "root": data_root}}
        categories = config["data"]["categories"]
        make_plan(config, Domain())
    if len(categories) != 1:
        raise AdshiftError(
            f"run={run} holds {len(categories)} categories, and a stress test takes one; fit one with data.category=NAME"
        )
    return config


def _calibrator(plan: Plan) -> tuple[Calibrator, list[str]]:
    """The run's own rule where it lives on good images alone, else the conformal one."""
    if not plan.calibrator.needs_anomalies:
        return plan.calibrator, []
    return Conformal(), [
        f"The run's threshold={plan.calibrator.kind} needs defective images; the stress test uses conformal, 5 %."
    ]


def _pasted(good: tuple[Sample, ...], asked: StressPlan) -> tuple[Sample, ...]:
    return with_defects(good, asked.defects, asked.defect_size, asked.seed)


def _cells(measure: Measure, asked: StressPlan) -> tuple[Cell, ...]:
    """The images as they are, then every change under every repair."""
    bench, found = measure.bench, []
    bar = tqdm([(CLEAN, bench.home), *asked.domains()], desc="stress", unit="change", disable=None)
    with _one_bar():
        for component, domain in bar:
            repairs = ("none",) if domain.is_identity else asked.repairs
            found += [measure.cell(component, domain, REPAIRS[repair]) for repair in repairs]
            bench.leave(domain)
    return tuple(found)


@contextmanager
def _one_bar() -> Iterator[None]:
    """Only the bar of the whole is drawn: those of its parts, several a change, would bury it."""
    shown: Any = tqdm_auto.tqdm

    class Silent(shown):  # type: ignore[misc]
        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **{**options, "disable": True})

    tqdm_auto.tqdm = Silent  # type: ignore[misc]
    try:
        yield
    finally:
        tqdm_auto.tqdm = shown  # type: ignore[misc]
