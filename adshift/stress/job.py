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

from adshift.calibration.pixel_rule import IMAGE, REGION, PixelRule
from adshift.config.build import build, plain
from adshift.data.acquire import verify_files
from adshift.data.own import check_command
from adshift.data.prepared import PreparedImages, prepare_images
from adshift.data.samples import Sample
from adshift.data.with_defects import with_defects
from adshift.results.read import read_config
from adshift.shift.domain import Domain
from adshift.shift.names import CLEAN
from adshift.shift.photos import photos_of, root_of
from adshift.stages.fit import make_trainer
from adshift.stages.folds import assign_folds
from adshift.stress.cells import Cell, Measure
from adshift.stress.foresee import foresee
from adshift.stress.outcome import Outcome
from adshift.stress.plan import REPAIRS, StressPlan
from adshift.stress.verdicts import verdict
from adshift.trials.bench import Bench
from adshift.trials.figures import good_images_rule


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
    asked, fitted, plan, good, told = foresee(chosen)
    calibrator, notes = good_images_rule(plan.calibrator, "the stress test uses")
    photos = photos_of(asked.home)
    root = root_of(asked.home, plan.root)
    doctor = check_command(plan.source, root, plan.categories) if photos is None else ""
    store = build(chosen["store"], "store")
    notes += [*told, *verify_files(root, good, doctor, store.hashes)]
    device = make_trainer(chosen["trainer"]["accelerator"], chosen["trainer"]["devices"]).strategy.root_device

    def prepare(samples: Any, domain: Domain) -> PreparedImages:
        return prepare_images(store, root, samples, domain, plan.image_size, "input", plan.num_workers)

    with read_config(asked.run):
        model = plan.model.built()
    bench = Bench(
        model, good, _pasted(good, asked), assign_folds(good, asked.folds, asked.seed, "folds"), prepare,
        plan.image_size, plan.batch_size, device, asked.home,
    )  # fmt: skip
    rule = PixelRule(IMAGE, REGION, plan.image_size) if plan.calibrator.needs_anomalies else plan.pixel
    cells = _cells(Measure(bench, calibrator, asked.bootstrap, asked.seed, rule), asked)
    verdicts = [verdict(cells, component, domain.severity) for component, domain in asked.domains()]
    return Outcome(
        chosen, fitted, root, asked, bench, calibrator, cells, tuple(v for v in verdicts if v is not None),
        tuple(notes), time.perf_counter() - started,
    )  # fmt: skip


def _pasted(good: tuple[Sample, ...], asked: StressPlan) -> tuple[Sample, ...]:
    return with_defects(good, asked.defects, asked.defect_size, asked.seed)


def _cells(measure: Measure, asked: StressPlan) -> tuple[Cell, ...]:
    """The images as they are, then every change under every repair."""
    bench, found = measure.bench, []
    bar = tqdm([(CLEAN, bench.home), *asked.domains()], desc="stress", unit="change", disable=None)
    with _one_bar():
        for component, domain in bar:
            repairs = ("none",) if domain == bench.home else asked.repairs
            found += [measure.cell(component, domain, REPAIRS[repair]) for repair in repairs]
            measure.leave(domain)
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
