"""What a run leaves in its folder: result.json, written once, whole and last, and the tables beside it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adshift.calibration.thresholds import Thresholds
from adshift.errors import AdshiftError
from adshift.metrics.summary import Figures
from adshift.stages.measure import Evaluation
from adshift.stages.scored import ScoredImages
from adshift.system.atomic import atomic_path, write_text

SCHEMA = 1
RESULT = "result.json"
SCORES = "scores.csv"
CALIBRATION = "calibration.json"
CORRECTION = "correction.json"
MAPS = "maps.npz"
REPLICATES = "replicates.npz"
MAX_ARRAY_BYTES = 1 << 30
"""An array of a run's folder that would unpack to more is not read."""
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


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number that adshift writes")


def read_json(path: Path, remedy: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        AdshiftError: the file is missing or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except FileNotFoundError as error:
        raise AdshiftError(f"{path} does not exist; {remedy}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise AdshiftError(f"{path} cannot be read ({error}); {remedy}") from error
    if not isinstance(found, dict):
        raise AdshiftError(f"{path} holds no JSON object; {remedy}")
    return found


def read_result(folder: Path) -> dict[str, Any]:
    """Read a finished run's result.json.

    Raises:
        AdshiftError: the run is not finished, the file is broken, or its schema is another.
    """
    result = read_json(folder / RESULT, "give the folder of a finished run (the one that train.py named at its end)")
    if result.get("schema") != SCHEMA:
        raise AdshiftError(
            f"{folder / RESULT} has schema {result.get('schema')}, this version reads {SCHEMA}; run the cell again"
        )
    if not isinstance(result.get("config"), dict):
        raise AdshiftError(f"{folder / RESULT} holds no config; run the cell again")
    return result


@contextmanager
def read_config(folder: Path) -> Iterator[None]:
    """Around what is built from a run's config, which anyone may have written: what it breaks on is told of that run.

    Raises:
        AdshiftError: a part of the config is missing or of another kind.
    """
    try:
        yield
    except AdshiftError:  # it says more already
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise AdshiftError(
            f"{folder / RESULT} holds a config that train.py does not write ({reason}); run the cell again"
        ) from error


def write_scores(folder: Path, scored: dict[str, ScoredImages], thresholds: Thresholds) -> None:
    """Write scores.csv: a row an image of each role; scores with all their digits, empty where nothing was decided."""
    with (
        atomic_path(folder / SCORES) as partial,
        partial.open("w", newline="", encoding="utf-8") as handle,
    ):
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        for role, images in scored.items():
            for sample, score in zip(images.samples, images.score_N.tolist(), strict=True):
                threshold = thresholds.image_threshold(sample.category)
                decision = "" if threshold is None else int(score >= threshold)
                writer.writerow(
                    [sample.path, sample.category, sample.defect, sample.label, role, repr(score),
                     "" if threshold is None else repr(threshold), decision]
                )  # fmt: skip


def write_calibration(folder: Path, thresholds: Thresholds, domain: dict[str, Any]) -> None:
    """Write calibration.json: the decision rule, apart from the model, so that one can be replaced without the other."""
    write_text(folder / CALIBRATION, json.dumps(thresholds.to_json(domain), indent=1, allow_nan=False) + "\n")


def read_calibration(folder: Path) -> Thresholds:
    """Read what ``write_calibration`` wrote.

    Raises:
        AdshiftError: the file is missing or broken.
    """
    path = folder / CALIBRATION
    return Thresholds.from_json(read_json(path, "calibrate anew with train.py or evaluate.py"))


def write_correction(folder: Path, parts: dict[str, Any]) -> None:
    """Write correction.json: what was done to every image before the features, with its fitted statistics."""
    write_text(folder / CORRECTION, json.dumps(parts, indent=1, allow_nan=False) + "\n")


def read_correction(folder: Path) -> dict[str, Any]:
    """Read what ``write_correction`` wrote.

    Raises:
        AdshiftError: the file is missing or broken.
    """
    return read_json(folder / CORRECTION, "run the cell again with train.py")


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


def read_arrays(path: Path, remedy: str, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """Read arrays of an .npz file; nothing is unpickled, and none may unpack to more than ``MAX_ARRAY_BYTES``.

    Args:
        path: the file.
        remedy: ends the error message.
        names: those wanted, as far as they are there; None for all.

    Raises:
        AdshiftError: the file is missing or broken, or an array is too large.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            wanted = [name for name in stored.files if names is None or name in names]
            for name in wanted:
                if stored.zip.getinfo(f"{name}.npy").file_size > MAX_ARRAY_BYTES:
                    raise ValueError(f"{name} unpacks to more than {MAX_ARRAY_BYTES} bytes")
            return {name: stored[name] for name in wanted}
    except FileNotFoundError as error:
        raise AdshiftError(f"{path} does not exist; {remedy}") from error
    except Exception as error:  # whoever wrote the file chose what goes wrong
        raise AdshiftError(f"{path} cannot be read ({error}); {remedy}") from error


def read_figures(folder: Path) -> dict[str, Figures]:
    """The figures of a finished run with their replicates, by group: each category, ``macro`` and ``pooled``.

    Raises:
        AdshiftError: the run is not finished, or its replicates are missing or broken.
    """
    metrics = read_result(folder)["metrics"]
    points = {**metrics["categories"], **{g: metrics[g] for g in ("macro", "pooled") if g in metrics}}
    arrays = read_arrays(folder / REPLICATES, "run the cell again with metrics.bootstrap=1000")
    found = {}
    for group, values in points.items():
        prefix = f"{group}/"
        replicates = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        images = str(replicates.pop("images", ""))
        found[group] = Figures(values, [], {k: v.astype(np.float64) for k, v in replicates.items()}, images)
    return found


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
