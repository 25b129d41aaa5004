"""Thresholds of scored images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from adshift.calibration.calibration import Calibration, Calibrator
from adshift.calibration.crossfit import crossfit_calibration
from adshift.calibration.pixel_rule import PLAIN, PixelRule
from adshift.calibration.thresholds import GLOBAL, Thresholds
from adshift.data.samples import unit_count
from adshift.stages.pixel_threshold import left_out_pixel_thresholds, pixel_threshold
from adshift.stages.scored import ScoredImages


def _scopes(scope: str, categories: Sequence[str], scored: ScoredImages) -> dict[str, ScoredImages]:
    return {GLOBAL: scored} if scope == "global" else {c: scored.of_category(c) for c in categories}


def _of_images(calibrator: Calibrator, group: ScoredImages, folds: int) -> Calibration:
    if folds > 1:
        return crossfit_calibration(calibrator, group.score_N, folds, group.group_N)
    return calibrator.calibrate(group.score_N, group.label_N, group.group_N)


def _left_out(calibrator: Calibrator, scopes: Iterable[ScoredImages], folds: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for scope_images in scopes:
        unit_N, label_N = scope_images.group_N, scope_images.label_N
        for unit in np.unique(unit_N[label_N == 0]):
            rest = scope_images.select(unit_N != unit)
            if 0 in rest.label_N:
                threshold = _of_images(calibrator, rest, min(folds, unit_count(rest.samples))).threshold
                found |= {s.path: threshold for s in scope_images.select((unit_N == unit) & (label_N == 0)).samples}
    return found


def with_left_out(
    made: Thresholds,
    calibrator: Calibrator,
    scope: str,
    categories: Sequence[str],
    scored: ScoredImages,
    folds: int,
) -> Thresholds:
    """Thresholds with, for each normal image that is calibrated on, those of all the others, by its path.

    Where no other photographs are there to be tested, they tell the false alarms that a threshold keeps: no image is
    decided by a threshold that it or another of its series had a part in. An image whose series is alone gets none.

    Args:
        made: of all images.
        calibrator, scope, categories, scored: as in ``calibrate``.
        folds: K where the scores are out-of-fold or left-out scores, else 0.
    """
    scopes = list(_scopes(scope, categories, scored).values())

    def images(parts: Iterable[ScoredImages]) -> dict[str, float]:
        return _left_out(calibrator, parts, folds)

    pixel = left_out_pixel_thresholds(calibrator, made.pixel_rule, scopes, images)
    return replace(made, left_out=images(scopes), left_out_pixel=pixel)


def calibrate(
    calibrator: Calibrator,
    scope: str,
    categories: Sequence[str],
    scored: ScoredImages,
    folds: int = 0,
    left_out: bool = False,
    rule: PixelRule = PLAIN,
) -> Thresholds:
    """Calibrate image and pixel thresholds on the calibration role's scores.

    Args:
        calibrator: any; one with a rate ``alpha`` where the pixel rule is ``area``.
        scope: ``category`` or ``global``.
        categories: the run's categories.
        scored: the calibration images.
        folds: K where the scores are out-of-fold scores of train images, else 0.
        left_out: whether each score is of a model that has seen all images of other series: as many folds as series.
        rule: what pixel thresholds promise.

    Returns:
        The thresholds; empty where there is no calibration image, without a pixel threshold where a calibrator needs
        defect pixels and no mask marks any.
    """
    if not scored.samples:
        return Thresholds({}, {}, pixel_rule=rule)
    scopes = _scopes(scope, categories, scored)
    image, pixel, normals, series = {}, {}, {}, {}
    for name, group in scopes.items():
        k = unit_count(group.samples) if left_out else folds
        of_images = partial(_of_images, calibrator, folds=k)
        image[name] = of_images(group)
        found = pixel_threshold(calibrator, rule, group, k, of_images)
        if found is not None:
            pixel[name] = found
        good = group.select(group.label_N == 0)
        order = np.argsort(good.score_N, kind="stable")
        normals[name] = tuple(good.score_N[order].tolist())
        if unit_count(good.samples) < len(order):
            series[name] = tuple(good.group_N[order].tolist())
    return Thresholds(image, pixel, normals=normals, series=series, pixel_rule=rule)
