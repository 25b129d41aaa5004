"""A finished batch judged as one: of the images called bad, few are good (decide=fdr)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adshift.calibration.p_values import batch_threshold, fewest_bad
from adshift.calibration.scores import check_rate
from adshift.config.threshold import threshold_by_hand
from adshift.errors import AdshiftError
from adshift.results.read import read_calibration

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


def decide_batch(detector: Any, images: Any, rate: float, batch_size: int, num_workers: int) -> str:
    """Score all images, and give the detector the threshold of the batch; they are scored again when they are judged.

    Images that cannot be read take no part.

    Args:
        detector: with ``normals``.
        images: paths, more than once iterable.
        rate: false discovery rate, in (0, 1).
        batch_size, num_workers: as for ``Detector.predict``.

    Returns:
        what a person should know of it, in words; empty where there is nothing.

    Raises:
        AdshiftError: no image can be scored, or the detector has no normals.
    """
    scores = [found.score for found in detector.predict(images, batch_size, num_workers, lambda name, why: None)]
    detector.threshold, detector.threshold_kind = batch_threshold(scores, detector.normals, rate), FDR
    least = fewest_bad(len(scores), len(detector.normals), rate)
    if any(score >= detector.threshold for score in scores) or least <= 1:
        return ""
    return (
        f"nothing is called bad at fdr={rate:g}: against {len(detector.normals)} good calibration images that takes at "
        f"least {least} of these {len(scores)} beyond all of them; more calibration images make single ones visible"
    )
