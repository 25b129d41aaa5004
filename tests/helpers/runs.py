"""Finished runs made by the project's own writers, without a fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adshift.calibration.pixel_rule import PixelRule
from adshift.config.build import build
from adshift.data.dataset import read_pair
from adshift.data.samples import Sample, index_category
from adshift.results.write import counts, write_maps, write_replicates, write_result, write_scores
from adshift.shift.names import FAMILIES
from adshift.stages.calibrate import calibrate
from adshift.stages.measure import measure
from adshift.stages.outlines import realised
from adshift.stages.scored import ScoredImages
from adshift.stages.unified import cross_threshold

ACTING = {"clean": (), "shift": FAMILIES, "geometric": ("geometric",)}
REPLICATES = 40


def config_of(root: Path, categories: Sequence[str], *, method: str = "patchcore", domain: str = "clean",
              adaptation: str = "none", threshold: str = "f1", coreset: float = 0.1, severity: float = 1.0,
              domain_seed: int = 0, scope: str = "category", architecture: str = "resnet18",
              save_maps: bool = False) -> dict[str, Any]:  # fmt: skip
    """A run's configuration as train.py leaves it in result.json."""
    regimes = {"none": "NoAdaptation", "threshold": "ThresholdAdaptation", "full": "FullAdaptation"}
    rules: dict[str, tuple[str, dict[str, Any]]] = {"f1": ("F1", {}), "conformal": ("Conformal", {"alpha": 0.2})}
    options: dict[str, Any] = {"layers": ["layer2"]}
    if method == "patchcore":
        options |= {"coreset_ratio": coreset, "smoothing": 4.0}
    families = {name: name in ACTING[domain] for name in FAMILIES}
    return {
        "method": {"_target_": "adshift.methods.m.M", "name": method, **options},
        "data": {"source": "folder", "root": str(root), "name": categories[0], "categories": list(categories)},
        "domain": {"_target_": "adshift.shift.domain.Domain", "name": domain, **families, "severity": severity,
                   "seed": domain_seed},
        "adaptation": {"_target_": f"adshift.adaptation.{adaptation}.{regimes[adaptation]}"},
        "threshold": {"_target_": f"adshift.calibration.{threshold}.{rules[threshold][0]}", "scope": scope,
                      **rules[threshold][1]},
        "split": {"_target_": "adshift.data.splits.StudySplit", "seed": 42},
        "backbone": {"_target_": "adshift.features.backbone.FrozenBackbone", "architecture": architecture,
                     "weights": "random"},
        "metrics": {"resolution": "input", "bootstrap": REPLICATES, "latency": False},
        "seed": 0, "image_size": 64, "crossfit": 0, "save_maps": save_maps,
    }  # fmt: skip


def _scored(config: dict[str, Any], root: Path, samples: Sequence[Sample], signal: float, seed: int) -> ScoredImages:
    """Maps of noise with the defects raised by ``signal``, under the masks of the run's domain."""
    domain = build(config["domain"], "domain")
    generator = np.random.default_rng(seed)
    maps, masks = [], []
    for sample in samples:
        mask = read_pair(root, sample, domain)[1]
        assert mask is not None
        masks.append(mask)
        maps.append((generator.normal(0, 1, mask.shape) + signal * mask).astype(np.float32))
    scores = np.array([m.max() for m in maps], np.float64)
    return ScoredImages(tuple(samples), scores, maps, masks, None)


def make_run(folder: Path, root: Path, categories: Sequence[str] = ("plate",), signal: float = 2.0, seed: int = 0,
             good: int = 6, pixel: str = "pixels", outlines: bool = False, **choices: Any) -> Path:  # fmt: skip
    """A finished run in ``folder``: its scores are noise and ``signal``, all else goes through the project's own code."""
    config = config_of(root, categories, **choices)
    indices = [index_category(root, category) for category in categories]
    calibration = [s for i in indices for s in (*i.train_good[-6:], *i.test_anomalous[:2])]
    test = [s for i in indices for s in (*i.test_good[:good], *i.test_anomalous[2:])]
    train = [s for i in indices for s in i.train_good[:4]]
    scored = {
        "train": _scored(config, root, train, signal, seed + 2),
        "calibration": _scored(config, root, calibration, signal, seed + 1),
        "test": _scored(config, root, test, signal, seed),
    }
    rule = build(config["threshold"], "threshold", without=("scope", "pixel", "region"))
    thresholds = calibrate(rule, config["threshold"]["scope"], categories, scored["calibration"],
                           rule=PixelRule(pixel, 4, 64))  # fmt: skip
    evaluation = measure(scored["test"], thresholds, categories, REPLICATES, 0)
    brief = {name: {"kind": c.kind, "value": c.threshold, "promised_rate": c.promised_rate, "n": c.n}
             for name, c in thresholds.image.items()}  # fmt: skip
    result: dict[str, Any] = {
        "config": config, "adaptation": {"regime": choices.get("adaptation", "none")},
        "metrics": evaluation.metrics(), "threshold": brief, "pixel_threshold": {},
        "regions": realised(scored["test"], thresholds, categories) if outlines else {},
        "counts": counts({"train": train, "calibration": calibration, "test": test}, categories),
        "timing": {"fit": 1.5, "score": 2.5, "ms_per_image": None},
        "memory": {"bank_vectors": int(1000 * choices.get("coreset", 0.1)), "bank_mb": 10 * choices.get("coreset", 0.1)},
        "provenance": {"weights": "random", "device": "cpu", "packages": {}}, "warnings": evaluation.warnings(),
    }  # fmt: skip
    if len(categories) > 1 and choices.get("scope", "category") == "category":
        crossed = {role: cross_threshold(scored[name], thresholds, categories)
                   for role, name in (("held_out", "test"), ("train", "train"))}  # fmt: skip
        result["unified"] = {"foreign_matches": None, "cross_threshold": crossed}
    write_scores(folder, scored if len(categories) > 1 else {k: scored[k] for k in ("calibration", "test")}, thresholds)
    write_replicates(folder, evaluation)
    if choices.get("save_maps"):
        write_maps(folder, scored["test"])
    write_result(folder, result)
    return folder
