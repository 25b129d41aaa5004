"""Finished runs whose figures and replicates are made up, for what the report says of repairs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta, norm

from adshift.metrics.summary import FIGURES
from adshift.report.discover import read_runs
from adshift.report.study import Study
from adshift.results.files import REPLICATES, SCORES
from adshift.results.write import COLUMNS, write_result

B = 400
NORMALS = 20
WIDE = 0.02
"""Standard deviation of a figure over the resamples, shared by all runs; a repair's own noise comes on top."""
Z = float(norm.ppf(0.975))


def noise(seed: int) -> np.ndarray:
    """B replicates with the quantiles of a normal distribution, in an order of their own."""
    values = norm.ppf((np.arange(B) + 0.5) / B)
    return np.random.default_rng(seed).permutation(values)


def make_cell(folder: Path, regime: str, auroc: float, *, domain: str = "shift", seed: int = 0, category: str = "plate",
              own: float = 0.0, alarms: int = 1, images: int = 0, seconds: float = 0.0, method: str = "patchcore",
              severity: float = 1.0, options: dict[str, Any] | None = None) -> None:  # fmt: skip
    """A finished run whose figures are all ``auroc``, with replicates of known width: shared noise and ``own``.

    The false-alarm rate alone is ``alarms`` of ``NORMALS``, with hardly any width.
    """
    rate = alarms / NORMALS
    points: dict[str, Any] = dict.fromkeys(FIGURES, auroc) | {"false_alarm_rate": rate}
    points |= {f"{name}_ci": [max(0.0, points[name] - Z * WIDE), min(1.0, points[name] + Z * WIDE)] for name in FIGURES}
    low = 0.0 if alarms == 0 else float(beta.ppf(0.025, alarms, NORMALS - alarms + 1))
    high = float(beta.ppf(0.975, alarms + 1, NORMALS - alarms)) if alarms < NORMALS else 1.0
    points["false_alarm_rate_exact_ci"] = [low, high]
    target = {"_target_": f"adshift.adaptation.{regime}.X", **(options or {})}
    config = {
        "method": {"_target_": "adshift.methods.m.M", "name": method, "layers": ["layer2"]},
        "data": {"source": "folder", "root": "root", "name": category, "categories": [category]},
        "domain": {"_target_": "adshift.shift.domain.Domain", "name": domain, "severity": severity, "seed": seed},
        "adaptation": target, "split": {"_target_": "adshift.data.splits.StandardSplit"},
        "threshold": {"_target_": "adshift.calibration.conformal.Conformal", "scope": "category", "alpha": 0.05},
        "backbone": {"_target_": "adshift.features.backbone.FrozenBackbone", "weights": "random"},
        "metrics": {"bootstrap": B}, "seed": 0, "study": {"dir": f"multirun/{domain}"},
    }  # fmt: skip
    write_result(folder, {
        "config": config, "metrics": {"categories": {category: points}, "macro": points},
        "threshold": {category: {"kind": "conformal", "value": 0.5, "promised_rate": 0.05, "n": 64}},
        "pixel_threshold": {}, "counts": {category: {"train": 8, "test_normal": NORMALS, "test_anomalous": 2}},
        "timing": {"fit": 1.0}, "memory": {}, "provenance": {}, "warnings": [],
        "adaptation": {"regime": regime, "target_data": "none", "target_images": images, "simulated_images": 7,
                       "seconds": seconds, "bytes": 0},
    })  # fmt: skip
    mixed = auroc + WIDE * noise(1) + own * noise(2 + sum(map(ord, regime)))
    arrays = {f"{category}/{name}": mixed.astype(np.float32) for name in FIGURES}
    arrays[f"{category}/false_alarm_rate"] = (rate + 0.001 * noise(1)).astype(np.float32)
    arrays[f"{category}/images"] = np.array(f"the images of {category}")
    np.savez_compressed(folder / REPLICATES, **arrays)  # type: ignore[arg-type]
    with (folder / SCORES).open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(COLUMNS)
        for i, label in enumerate((0, 0, 1, 1)):
            writer.writerow([f"{category}/{i}.png", category, "x", label, "test", float(label), 0.5, label])


def study_of(root: Path) -> Study:
    return Study(read_runs([root], pytest.fail), pytest.fail)
