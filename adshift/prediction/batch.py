"""A finished batch judged as one: of the images called bad, few are good (decide=fdr)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from adshift.calibration.p_values import batch_threshold, normals_needed, units
from adshift.calibration.scores import check_rate
from adshift.config.threshold import threshold_by_hand
from adshift.errors import AdshiftError
from adshift.results.read import read_calibration

if TYPE_CHECKING:
    from adshift.prediction.detector import Detector

THRESHOLD, FDR = "threshold", "fdr"
CHOICES = (THRESHOLD, FDR)


def foresee_batch(chosen: Mapping[str, Any]) -> None:
    """Check what ``decide=fdr`` needs of a resolved configuration and of its run.

    Raises:
        AdshiftError: no such way to decide, a rate outside (0, 1), a threshold by hand beside it, or a run that kept no
            scores of good images.
    """
    if chosen["decide"] not in CHOICES:
        raise AdshiftError(f"decide={chosen['decide']} must be one of: {', '.join(CHOICES)}")
    check_rate("fdr", chosen["fdr"])
    if chosen["decide"] != FDR:
        return
    if threshold_by_hand(chosen) is not None:
        raise AdshiftError(
            f"decide=fdr finds the threshold of the batch itself; leave threshold={chosen['threshold']['value']} out"
        )
    if not read_calibration(Path(chosen["run"])).normals:
        raise AdshiftError(
            f"run={chosen['run']} kept no scores of good calibration images, and decide=fdr compares with them; calibrate "
            "anew (evaluate.py run=DIR adaptation=threshold, or train.py with split=standard or crossfit=5)"
        )


def decide_batch(detector: Detector, images: Sequence[str], rate: float, batch_size: int, num_workers: int) -> str:
    """Score all images, and give the detector the threshold of the batch; they are scored again when they are judged.

    What goes wrong with an image is told then; here it takes no part, and where none is left the threshold stays.

    Args:
        detector: with ``normals``.
        images: paths.
        rate: false discovery rate, in (0, 1).
        batch_size, num_workers: as for ``Detector.predict``.

    Returns:
        why no image can be called bad, whatever its score, in words; empty where some can.
    """
    waiting = tqdm(images, unit="image", desc="batch", disable=None)
    scores: list[float] = []
    with suppress(AdshiftError):
        scores.extend(
            found.score for found in detector.predict(waiting, batch_size, num_workers, lambda name, why: None)
        )
    if not scores:
        return ""
    detector.threshold, detector.threshold_kind = batch_threshold(scores, detector.normals, rate, detector.series), FDR
    n, held = len(scores), units(detector.normals, detector.series)
    one, all_ = (normals_needed(n, bad, rate) for bad in (1, n))
    if held >= one or max(scores) >= detector.threshold:
        return ""
    return (
        f"none of {n} images is called bad at fdr={rate:g}: {held} good calibration images{_in_series(detector)} are few "
        f"for it; a single bad one needs {one} of them, {all_} where all are bad; calibrate with more, or use a larger fdr"
    )


def _in_series(detector: Detector) -> str:
    return " of different series" if detector.series else ""
