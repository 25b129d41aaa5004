"""From a composed configuration to objects. The only place that knows both the YAML keys and the classes."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adshift.adaptation.recipe import Recipe, unadapted
from adshift.adaptation.regime import Regime
from adshift.calibration.calibration import Calibrator
from adshift.config.build import _names, _one_of, _within, build, checked, target_of
from adshift.data.samples import Sample
from adshift.data.splits import Splitter
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain

SCOPES = ("category", "global")
RESOLUTIONS = ("input", "original")


@dataclass(frozen=True)
class Plan:
    """What one cell of the grid does, apart from the method: cheap to make, checked before anything long starts."""

    source: str
    root: Path
    categories: tuple[str, ...]
    splitter: Splitter
    regime: Regime
    recipe: Recipe
    calibrator: Calibrator
    scope: str
    crossfit: int
    seed: int
    image_size: int
    batch_size: int
    num_workers: int
    resolution: typing.Literal["input", "original"]
    bootstrap: int


def build_regime(node: Mapping[str, Any]) -> Regime:
    """The regime of an ``adaptation`` node; where it has ``parts``, each of them is a node.

    Raises:
        AdshiftError: as in ``build``.
    """
    if not isinstance(node, Mapping) or "parts" not in node:
        regime: Regime = build(node, "adaptation")
        return regime
    if not isinstance(node["parts"], list):
        raise AdshiftError(f"adaptation.parts={node['parts']} must be a list; choose an option of conf/adaptation/")
    parts = tuple(build(part, "adaptation") for part in node["parts"])
    combined: Regime = build(node, "adaptation", without=("parts",), parts=parts)
    return combined


def make_plan(config: Mapping[str, Any], source: Domain, born: Recipe | None = None) -> Plan:
    """Read everything but method and backbone from a resolved configuration.

    Args:
        config: the resolved configuration as plain containers.
        source: what the model is fitted in where nothing is adapted.
        born: the recipe of the finished run that is to be evaluated, where its model is what the regime adapts.

    Raises:
        AdshiftError: a value is out of its bounds; nothing has been read or written by then.
    """
    data, metrics = config["data"], config["metrics"]
    checked("metrics.latency", metrics["latency"], bool)
    checked("save_maps", config["save_maps"], bool)
    regime = build_regime(config["adaptation"])
    target = build(config["domain"], "domain")
    start = unadapted((source,), target) if born is None else unadapted(born.train, target, born.correction)
    plan = Plan(
        source=data["source"],
        root=Path(checked("data.root", data["root"], str)),
        categories=_names("data.categories", data["categories"], "[carpet,zipper]"),
        splitter=build(config["split"], "split"),
        regime=regime,
        recipe=regime.applied(start),
        calibrator=build(config["threshold"], "threshold", without=("scope",)),
        scope=config["threshold"]["scope"],
        crossfit=checked("crossfit", config["crossfit"], int),
        seed=checked("seed", config["seed"], int),
        image_size=checked("image_size", config["image_size"], int),
        batch_size=checked("data.batch_size", data["batch_size"], int),
        num_workers=checked("data.num_workers", data["num_workers"], int),
        resolution=metrics["resolution"],
        bootstrap=checked("metrics.bootstrap", metrics["bootstrap"], int),
    )
    _one_of("threshold.scope", plan.scope, SCOPES)
    _one_of("metrics.resolution", plan.resolution, RESOLUTIONS)
    _within("image_size", plan.image_size, 32, 4096, "the backbone halves it four times; the study's is 224")
    _within("data.batch_size", plan.batch_size, 1, 65536, "the default is 32")
    _within("data.num_workers", plan.num_workers, 0, 1024, "0 decodes in the main process")
    _within("metrics.bootstrap", plan.bootstrap, 0, 10**6, "0 leaves the intervals out, 1000 is the default")
    if not 0 <= plan.seed < 2**32:
        raise AdshiftError(f"seed={plan.seed} must be in [0, 2^32); the default is 0")
    if plan.crossfit != 0:
        _within("crossfit", plan.crossfit, 2, 10**6, "0 switches cross-fitting off, 5 is customary")
    return plan


def build_method(config: Mapping[str, Any], weights: str | None = None) -> Any:
    """The method on its backbone, unfitted.

    Args:
        config: the resolved configuration.
        weights: replaces ``backbone.weights``; "random" where a checkpoint will be loaded over them anyway.

    Raises:
        AdshiftError: a value out of bounds, or weights that cannot be had or do not fit.
    """
    node = dict(config["backbone"])
    if weights is not None:
        node["weights"] = weights
    node["weights"] = str(node["weights"])
    target_of(config["method"], "method")
    if "coreset_ratio" in config["method"]:  # the first thing people get wrong; say so before any weights are read
        from adshift.methods.patchcore import check_coreset_ratio

        check_coreset_ratio(checked("coreset_ratio", config["method"]["coreset_ratio"], float))
    own = "layers" in node  # only a backbone whose layers have other names has layers of its own
    layers = _names(
        *(("backbone.layers", node["layers"]) if own else ("method.layers", config["method"]["layers"])),
        "[layer2,layer3]",
    )
    sized = {"image_size": config["image_size"]} if own else {}
    backbone = build(node, "backbone", without=("layers",), layers=layers, seed=config["seed"], **sized)
    return build(config["method"], "method", without=("name", "layers"), backbone=backbone)


def require_calibratable(plan: Plan, calibration: tuple[Sample, ...]) -> None:
    """Refuse, before the fit, a calibration that would fail after it: a group without the images its rule needs.

    A split without a calibration role asks for no threshold and passes.

    Raises:
        AdshiftError: names the group.
    """
    if plan.crossfit and not calibration and plan.calibrator.needs_anomalies:
        raise AdshiftError(
            f"crossfit={plan.crossfit} has normal images alone, and threshold={plan.calibrator.kind} needs anomalous ones; "
            "use threshold=quantile, conformal, evt or sigma, or crossfit=0 for no threshold"
        )
    for category in plan.categories if plan.scope == "category" else ("all categories",):
        labels = [s.label for s in calibration if plan.scope == "global" or s.category == category]
        if calibration and 0 not in labels:
            raise AdshiftError(
                f"the split leaves {category} 0 normal calibration images; add some to train/good, or use split=official"
            )
        if labels.count(0) == 1 and plan.calibrator.kind == "sigma":
            raise AdshiftError(
                f"threshold=sigma needs 2 normal calibration images for a standard deviation, and {category} has 1; add "
                "some to train/good, or use threshold=conformal"
            )
        if calibration and plan.calibrator.needs_anomalies and 1 not in labels:
            raise AdshiftError(
                f"threshold={plan.calibrator.kind} needs anomalous calibration images, and {category} has 0 of them "
                f"among {len(labels)}; use threshold=quantile, conformal, evt or sigma, which need normal ones alone, or "
                "split=study"
            )
