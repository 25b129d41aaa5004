"""What a run left in its folder, read back: whoever may have written it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from adshift.calibration.thresholds import LARGEST_SCORE, Thresholds, is_score
from adshift.data.seen import SeenImage
from adshift.errors import AdshiftError
from adshift.metrics.summary import FIGURES, Figures
from adshift.results.arrays import MAX_REPLICATES_BYTES, read_arrays
from adshift.results.files import CALIBRATION, CORRECTION, FITTED, REPLICATES, RESULT, SCHEMA
from adshift.results.plain_json import read_json

REMEDY_FITTED = "fit the run again with train.py"
REMEDY_REPLICATES = "run the cell again with metrics.bootstrap=1000"


def read_result(folder: Path) -> dict[str, Any]:
    """Read a finished run's result.json, of the shape that ``adshift.results.shape.Result`` tells.

    Raises:
        AdshiftError: the run is not finished, the file is broken, or its schema or shape is another.
    """
    from adshift.results.shape import brief, check_shape  # pydantic's models take a fifth of a second to make

    path = folder / RESULT
    result = read_json(path, "give the folder of a finished run (the one that train.py named at its end)")
    if result.get("schema") != SCHEMA:
        raise AdshiftError(
            f"{path} has schema {brief(result.get('schema'))}, this version reads {SCHEMA}; run the cell again"
        )
    check_shape(result, path)
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


def read_calibration(folder: Path) -> Thresholds:
    """Read what ``write_calibration`` wrote.

    Raises:
        AdshiftError: the file is missing or broken, or a threshold is none that a score could reach.
    """
    path, remedy = folder / CALIBRATION, "calibrate anew with train.py or evaluate.py"
    found = Thresholds.from_json(read_json(path, remedy))
    for part in (found.image, found.pixel):
        for name, held in part.items():
            if not is_score(held.threshold):
                raise AdshiftError(
                    f"{path}: the threshold {held.threshold} of {name} must be within +-{LARGEST_SCORE:.2g}; {remedy}"
                )
    return found


def read_correction(folder: Path) -> dict[str, Any]:
    """Read what ``write_correction`` wrote.

    Raises:
        AdshiftError: the file is missing or broken.
    """
    return read_json(folder / CORRECTION, "run the cell again with train.py")


def read_fitted(folder: Path) -> tuple[SeenImage, ...] | None:
    """Read what ``write_fitted`` wrote; None for a run from before it was written.

    Raises:
        AdshiftError: the file is broken.
    """
    if not (folder / FITTED).is_file():
        return None
    held = read_json(folder / FITTED, REMEDY_FITTED)
    try:
        return tuple(
            SeenImage(str(i["role"]), str(i["path"]), int(i["bytes"]), str(i["content"])) for i in held["images"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AdshiftError(f"{folder / FITTED} holds no list of images ({error}); {REMEDY_FITTED}") from error


def read_figures(folder: Path) -> dict[str, Figures]:
    """The figures of a finished run with their replicates, by group: each category, ``macro`` and ``pooled``.

    Raises:
        AdshiftError: the run is not finished, or its replicates are missing or broken.
    """
    metrics = read_result(folder)["metrics"]
    points = {**metrics["categories"], **{g: metrics[g] for g in ("macro", "pooled") if g in metrics}}
    known = {f"{group}/{name}" for group in points for name in ("images", *FIGURES)}
    path = folder / REPLICATES
    arrays = read_arrays(path, REMEDY_REPLICATES, known, MAX_REPLICATES_BYTES)
    for name, array in arrays.items():
        listed = array.ndim == 1 and array.dtype == np.float32 and not np.isinf(array).any()
        if not (array.shape == () if name.endswith("/images") else listed):
            raise AdshiftError(f"{path} holds a {name} that train.py does not write; {REMEDY_REPLICATES}")
    found = {}
    for group, values in points.items():
        images = str(arrays.get(f"{group}/images", ""))
        replicates = {
            name: arrays[f"{group}/{name}"].astype(np.float64) for name in FIGURES if f"{group}/{name}" in arrays
        }
        found[group] = Figures(values, [], replicates, images)
    return found
