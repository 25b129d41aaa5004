"""Thresholds of scored images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adshift.calibration.calibration import Calibration, Calibrator
from adshift.calibration.crossfit import crossfit_calibration
from adshift.calibration.thresholds import GLOBAL, Thresholds
from adshift.stages.scored import ScoredImages


def _pixels(scored: ScoredImages, with_anomalies: bool) -> tuple[np.ndarray, np.ndarray]:
    maps, labels = [np.empty(0, np.float32)], [np.empty(0, np.uint8)]
    for sample, anomaly_map, mask in zip(scored.samples, scored.maps, scored.masks, strict=True):
        if mask is not None and (with_anomalies or sample.label == 0):
            maps.append(anomaly_map.ravel())
            labels.append(mask.ravel())
    return np.concatenate(maps), np.concatenate(labels).astype(np.int64)


def _of_pixels(calibrator: Calibrator, scored: ScoredImages) -> Calibration | None:
    """None where the calibrator needs defect pixels and no mask of these images marks any."""
    scores, labels = _pixels(scored, calibrator.needs_anomalies)
    if calibrator.needs_anomalies and not labels.any():
        return None
    return calibrator.calibrate(scores, labels)


def _scopes(scope: str, categories: Sequence[str], scored: ScoredImages) -> dict[str, ScoredImages]:
    return {GLOBAL: scored} if scope == "global" else {c: scored.of_category(c) for c in categories}


def _of_images(calibrator: Calibrator, group: ScoredImages, folds: int) -> Calibration:
    if folds > 1:
        return crossfit_calibration(calibrator, group.score_N, folds, group.group_N)
    return calibrator.calibrate(group.score_N, group.label_N, group.group_N)


def left_out_thresholds(
    calibrator: Calibrator, scope: str, categories: Sequence[str], scored: ScoredImages, folds: int
) -> dict[str, float]:
    """For each normal image that is calibrated on, the image threshold of all the others, by its path.

    Where no other photographs are there to be tested, they tell the false alarms that a threshold keeps: no image is
    decided by a threshold that it or another of its series had a part in. An image whose series is alone gets none.

    Args:
        calibrator, scope, categories, scored: as in ``calibrate``.
        folds: K where the scores are out-of-fold or left-out scores, else 0.
    """
    found: dict[str, float] = {}
    for scope_images in _scopes(scope, categories, scored).values():
        unit_N, label_N = scope_images.group_N, scope_images.label_N
        for unit in np.unique(unit_N[label_N == 0]):
            rest = scope_images.select(unit_N != unit)
            if 0 in rest.label_N:
                threshold = _of_images(calibrator, rest, min(folds, _units(rest))).threshold
                found |= {s.path: threshold for s in scope_images.select((unit_N == unit) & (label_N == 0)).samples}
    return found


def _units(scored: ScoredImages) -> int:
    return int(scored.group_N.max()) + 1


def calibrate(
    calibrator: Calibrator,
    scope: str,
    categories: Sequence[str],
    scored: ScoredImages,
    folds: int = 0,
    left_out: bool = False,
) -> Thresholds:
    """Calibrate image and pixel thresholds on the calibration role's scores.

    Pixel thresholds take the per-pixel scores of the normal images (of all images with a mask, for a calibrator that
    needs anomalies). The pixels of one image are not exchangeable with those of another, so that a pixel threshold's
    promise is about pixels of these images, not a guarantee.

    Args:
        calibrator: any.
        scope: ``category`` or ``global``.
        categories: the run's categories.
        scored: the calibration images.
        folds: K where the scores are out-of-fold scores of train images, else 0.
        left_out: whether each score is of a model that has seen all images of other series: as many folds as series.

    Returns:
        The thresholds; empty where there is no calibration image, without a pixel threshold where a calibrator needs
        defect pixels and no mask marks any.
    """
    if not scored.samples:
        return Thresholds({}, {})
    scopes = _scopes(scope, categories, scored)

    def of_images(group: ScoredImages) -> Calibration:
        return _of_images(calibrator, group, _units(group) if left_out else folds)

    image = {name: of_images(group) for name, group in scopes.items()}
    pixel = {name: _of_pixels(calibrator, group) for name, group in scopes.items()}
    normals, series = {}, {}
    for name, group in scopes.items():
        good = group.select(group.label_N == 0)
        order = np.argsort(good.score_N, kind="stable")
        normals[name] = tuple(good.score_N[order].tolist())
        if _units(good) < len(order):
            series[name] = tuple(good.group_N[order].tolist())
    return Thresholds(
        image, {name: found for name, found in pixel.items() if found is not None}, normals=normals, series=series
    )
