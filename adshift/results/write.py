"""What a run leaves in its folder: result.json, written once, whole and last, and the tables beside it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from adshift.calibration.thresholds import Thresholds
from adshift.data.seen import SeenImage
from adshift.errors import AdshiftError
from adshift.results.files import CALIBRATION, CORRECTION, FITTED, MAPS, REPLICATES, RESULT, SCHEMA, SCORES
from adshift.stages.measure import Evaluation
from adshift.stages.scored import ScoredImages
from adshift.system.atomic import atomic_path, write_text

COLUMNS = ("path", "category", "defect", "label", "role", "score", "threshold", "decision")


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Write result.json atomically.

    Raises:
        AdshiftError: a figure is NaN or infinite; undefined figures are None.
    """
    _refuse_non_finite(result, "result")
    write_text(folder / RESULT, json.dumps({"schema": SCHEMA, **result}, indent=1, allow_nan=False) + "\n")


def _refuse_non_finite(value: Any, place: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise AdshiftError(f"{place}={value} must be finite or null; this is a fault of adshift, please report it")
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_non_finite(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            _refuse_non_finite(inner, f"{place}[{i}]")


def write_scores(folder: Path, scored: dict[str, ScoredImages], thresholds: Thresholds) -> None:
    """Write scores.csv: a row an image of each role; scores with all their digits, empty where nothing was decided.

    What is ``uncertain`` has no label.
    """
    with (
        atomic_path(folder / SCORES) as partial,
        partial.open("w", newline="", encoding="utf-8") as handle,
    ):
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        for role, images in scored.items():
            for sample, score in zip(images.samples, images.score_N.tolist(), strict=True):
                threshold = thresholds.image_threshold(sample.category, sample.path if role == "test" else "")
                label = "" if role == "uncertain" else sample.label
                decision = "" if threshold is None else int(score >= threshold)
                writer.writerow(
                    [sample.path, sample.category, sample.defect, label, role, repr(score),
                     "" if threshold is None else repr(threshold), decision]
                )  # fmt: skip


def write_calibration(folder: Path, thresholds: Thresholds, domain: dict[str, Any]) -> None:
    """Write calibration.json: the decision rule, apart from the model, so that one can be replaced without the other."""
    write_text(folder / CALIBRATION, json.dumps(thresholds.to_json(domain), indent=1, allow_nan=False) + "\n")


def write_fitted(folder: Path, seen: Sequence[SeenImage]) -> None:
    """Write fitted.json: the images that the run was fitted and calibrated on, as they were then."""
    write_text(folder / FITTED, json.dumps({"images": [asdict(image) for image in seen]}, indent=1) + "\n")


def write_correction(folder: Path, parts: dict[str, Any]) -> None:
    """Write correction.json: what was done to every image before the features, with its fitted statistics."""
    write_text(folder / CORRECTION, json.dumps(parts, indent=1, allow_nan=False) + "\n")


def write_replicates(folder: Path, evaluation: Evaluation) -> None:
    """Write replicates.npz: the bootstrap replicates behind every interval, under GROUP/FIGURE, float32 [B].

    With them two runs are compared without their maps; ``GROUP/images`` marks the resamples they share.
    """
    arrays: dict[str, Any] = {}
    for name, group in evaluation.groups().items():
        arrays[f"{name}/images"] = np.array(group.images)
        arrays |= {f"{name}/{figure}": r.astype(np.float32) for figure, r in group.replicates.items()}
    with atomic_path(folder / REPLICATES) as partial:
        np.savez_compressed(partial, **arrays)


def write_maps(folder: Path, images: ScoredImages) -> None:
    """Write maps.npz: for each test image its anomaly map, float32 [H, W], under its path."""
    with atomic_path(folder / MAPS) as partial:
        np.savez_compressed(partial, **{s.path: m for s, m in zip(images.samples, images.maps, strict=True)})  # type: ignore[arg-type]


def counts(samples_by_role: dict[str, Sequence[Any]], categories: Sequence[str]) -> dict[str, dict[str, int]]:
    """Images a category and role: train, calibration and test, normal and anomalous apart."""
    table = {}
    for category in categories:
        row = {"train": sum(s.category == category for s in samples_by_role["train"])}
        for role in ("calibration", "test"):
            labels = [s.label for s in samples_by_role[role] if s.category == category]
            row[f"{role}_normal"] = labels.count(0)
            row[f"{role}_anomalous"] = labels.count(1)
        table[category] = row
    return table
