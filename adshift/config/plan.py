"""From a composed configuration to the typed plan of one cell."""

from __future__ import annotations

import typing
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adshift.adaptation.recipe import Recipe, unadapted
from adshift.adaptation.regime import Regime
from adshift.calibration.calibration import Calibrator
from adshift.calibration.pixel_rule import PixelRule
from adshift.config.build import build, checked, names, one_of, within
from adshift.config.model import ModelPlan, model_plan
from adshift.config.regime import build_regime, build_target, source_domain_of
from adshift.config.threshold import calibrator_of, pixel_rule_of
from adshift.data.layouts.by_name import located, require_domains
from adshift.data.moved import FOLDER
from adshift.data.samples import Sample
from adshift.data.series.rules import NONE, Rule, rule_of
from adshift.data.splits import OfficialSplit, Splitter, StudySplit
from adshift.errors import AdshiftError
from adshift.results.objective import DEFAULT, Objective
from adshift.shift.domain import Domain
from adshift.shift.named import Named
from adshift.shift.real import real_of
from adshift.store.store import AnyStore
from adshift.tracking.trackers import NoTracker, Tracker

SCOPES = ("category", "global")
RESOLUTIONS = ("input", "original")


@dataclass(frozen=True)
class Plan:
    """Everything that one cell of the grid does: cheap to make, checked before anything long starts.

    Attributes:
        source, root, categories: whose images.
        folder: what the folder of the only category is called, where its images were moved after the fit; else empty.
        domain: the real domain that models are fitted in where nothing is adapted; empty where the data set tells but one.
        series: what tells which images are of one series; None where each is one by itself.
        splitter, regime, recipe: which of them train, calibrate and test, and in which domain.
        model: the method on its backbone, not yet built.
        calibrator, scope, crossfit: how thresholds are made; ``crossfit`` is the number of folds, 0 for none.
        pixel: what pixel thresholds promise.
        seed: of coreset, projection, random weights and bootstrap.
        batch_size, num_workers: of the images.
        resolution: of masks and maps.
        bootstrap: resamples behind the intervals; 0 leaves them out.
        latency: whether the milliseconds an image are measured.
        save_maps: whether maps and pictures are kept.
        accelerator, devices: Lightning's.
        store: where finished work is kept.
        tracker: who is told of the finished run.
        home: the finished run whose model is evaluated; None for a cell that fits its own.
        objective: the figure that a sweeper is told.
    """

    source: str
    root: Path
    categories: tuple[str, ...]
    folder: str
    domain: str
    series: Rule | None
    splitter: Splitter
    regime: Regime
    recipe: Recipe
    calibrator: Calibrator
    scope: str
    crossfit: int
    pixel: PixelRule
    seed: int
    model: ModelPlan
    batch_size: int
    num_workers: int
    resolution: typing.Literal["input", "original"]
    bootstrap: int
    latency: bool
    save_maps: bool
    accelerator: str
    devices: str | int
    store: AnyStore
    tracker: Tracker
    home: Path | None
    objective: Objective

    @property
    def image_size(self) -> int:
        """Side of the square input in pixels."""
        return self.model.image_size


def make_plan(config: Mapping[str, Any], source: Domain, born: Recipe | None = None) -> Plan:
    """Read a resolved configuration: every key that a cell looks at is read here, once.

    Args:
        config: the resolved configuration as plain containers.
        source: what the model is fitted in where nothing is adapted.
        born: the recipe of the finished run that is to be evaluated, where its model is what the regime adapts.

    Raises:
        AdshiftError: a value is out of its bounds; nothing has been read or written by then.
    """
    data, metrics = config["data"], config["metrics"]
    trainer = config["trainer"]
    regime = build_regime(config["adaptation"])
    target = build_target(config, source)
    start = unadapted((source,), target) if born is None else unadapted(born.train, target, born.correction)
    calibrator, model = calibrator_of(config["threshold"]), model_plan(config)
    categories = names("data.categories", data["categories"], "[carpet,zipper]")
    plan = Plan(
        source=data["source"],
        root=located(data["source"], checked("data.root", data["root"], str)),
        categories=categories,
        folder=checked("data.folder", data.get(FOLDER, ""), str),
        domain=source_domain_of(data),
        series=rule_of(checked("data.groups", data.get("groups", NONE), str)),
        splitter=build(config["split"], "split"),
        regime=regime,
        recipe=regime.applied(start),
        calibrator=calibrator,
        scope=config["threshold"]["scope"],
        crossfit=checked("crossfit", config["crossfit"], int),
        pixel=pixel_rule_of(config["threshold"], calibrator, model.image_size),
        seed=checked("seed", config["seed"], int),
        model=model,
        batch_size=checked("data.batch_size", data["batch_size"], int),
        num_workers=checked("data.num_workers", data["num_workers"], int),
        resolution=metrics["resolution"],
        bootstrap=checked("metrics.bootstrap", metrics["bootstrap"], int),
        latency=checked("metrics.latency", metrics["latency"], bool),
        save_maps=checked("save_maps", config["save_maps"], bool),
        accelerator=checked("trainer.accelerator", trainer["accelerator"], str),
        devices=trainer["devices"],
        store=build(config["store"], "store"),
        tracker=build(config["logger"], "logger") if "logger" in config else NoTracker(),
        home=Path(checked("run", config["run"], str)) if "run" in config else None,
        objective=Objective.named(config.get("objective", DEFAULT), categories),
    )
    if real_of(plan.recipe.calibration[0]) != real_of(plan.recipe.train[0]):
        plan = replace(plan, crossfit=0)  # another domain's images are strangers to the model: no fold needs a fit
    if isinstance(target, Named):
        require_domains(plan.source, target.told)
    one_of("threshold.scope", plan.scope, SCOPES)
    one_of("metrics.resolution", plan.resolution, RESOLUTIONS)
    within("data.batch_size", plan.batch_size, 1, 65536, "the default is 32")
    within("data.num_workers", plan.num_workers, 0, 1024, "0 decodes in the main process")
    within("metrics.bootstrap", plan.bootstrap, 0, 10**6, "0 leaves the intervals out, 1000 is the default")
    if not 0 <= plan.seed < 2**32:
        raise AdshiftError(f"seed={plan.seed} must be in [0, 2^32); the default is 0")
    if plan.crossfit != 0:
        within("crossfit", plan.crossfit, 2, 10**6, "0 switches cross-fitting off, 5 is customary")
    return plan


def require_calibratable(plan: Plan, calibration: tuple[Sample, ...], test: tuple[Sample, ...] = ()) -> None:
    """Refuse, before the fit, a calibration that would fail after it: a group without the images its rule needs.

    A split without a calibration role asks for no threshold and passes.

    Args:
        plan: of the cell.
        calibration, test: the images of these roles; the latter tell what another split could lend.

    Raises:
        AdshiftError: names the group.
    """
    if plan.recipe.few is not None and plan.calibrator.needs_anomalies:
        raise AdshiftError(
            f"threshold={plan.calibrator.kind} needs anomalous calibration images, and adaptation={plan.regime.name} "
            "calibrates on its few good ones; use threshold=quantile, conformal, evt or sigma"
        )
    if plan.crossfit and not calibration and plan.calibrator.needs_anomalies:
        raise AdshiftError(
            f"crossfit={plan.crossfit} has normal images alone, and threshold={plan.calibrator.kind} needs anomalous ones; "
            "use threshold=quantile, conformal, evt or sigma, or crossfit=0 for no threshold"
        )
    for category in plan.categories if plan.scope == "category" else ("all categories",):
        labels = [s.label for s in calibration if plan.scope == "global" or s.category == category]
        if calibration and 0 not in labels:
            official = "" if isinstance(plan.splitter, OfficialSplit) or _is_bound(plan) else ", or use split=official"
            raise AdshiftError(
                f"the split leaves {category} 0 normal calibration images; add some to train/good{official}"
            )
        if labels.count(0) == 1 and plan.calibrator.kind == "sigma":
            raise AdshiftError(
                f"threshold=sigma needs 2 normal calibration images for a standard deviation, and {category} has 1; add "
                "some to train/good, or use threshold=conformal"
            )
        if calibration and plan.calibrator.needs_anomalies and 1 not in labels:
            raise AdshiftError(
                f"threshold={plan.calibrator.kind} needs anomalous calibration images, and {category} has 0 of them "
                f"among {len(labels)}; use threshold=quantile, conformal, evt or sigma, which need normal ones alone"
                f"{_or_study(plan, test)}"
            )


def _is_bound(plan: Plan) -> bool:
    """Whether another split is no way out: the model is fitted already, or the images are a regime's or a real domain's."""
    return plan.home is not None or plan.recipe.few is not None or real_of(plan.recipe.calibration[0]) is not None


def _or_study(plan: Plan, test: tuple[Sample, ...]) -> str:
    """``split=study`` as a remedy, where it would lend every category an anomalous image to calibrate on."""
    found = Counter(sample.category for sample in test if sample.label)
    lends = all(StudySplit().anomaly_fraction * found[name] >= 1 for name in plan.categories)
    offered = lends and not isinstance(plan.splitter, StudySplit) and not _is_bound(plan)
    return ", or split=study" if offered else ""
