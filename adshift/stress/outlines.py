"""What is outlined under stress, each image by a pixel threshold that it had no part in."""

from __future__ import annotations

from typing import Any

import numpy as np

from adshift.calibration.calibration import Calibrator
from adshift.calibration.pixel_rule import PixelRule
from adshift.calibration.thresholds import GLOBAL, Thresholds
from adshift.stages.calibrate import calibrate
from adshift.stages.outlines import realised
from adshift.stages.scored import ScoredImages
from adshift.trials.bench import Bench, Seen


def pixel_thresholds(calibrator: Calibrator, rule: PixelRule, bench: Bench, seen: Seen) -> Thresholds:
    """For each image of a bench the pixel threshold from the good images of the other folds, as they were seen."""
    n = len(bench.good)
    good = _scored(bench, seen).select(np.arange(2 * n) < n)
    made = [
        calibrate(calibrator, GLOBAL, (), good.select(bench.fold_N != fold), rule=rule).pixel[GLOBAL]
        for fold in range(int(bench.fold_N.max()) + 1)
    ]
    each = {sample.path: made[fold].threshold for sample, fold in zip(bench.good, bench.fold_N, strict=True)}
    return Thresholds({}, {GLOBAL: made[0]}, pixel_rule=rule, left_out_pixel=each)


def regions(bench: Bench, seen: Seen, thresholds: Thresholds) -> dict[str, Any]:
    """The figures of ``adshift.stages.outlines.realised``, on good images and their copies with a pasted defect."""
    category = bench.good[0].category
    return realised(_scored(bench, seen), thresholds, (category,))[category]


def _scored(bench: Bench, seen: Seen) -> ScoredImages:
    """The good images, then those with a pasted defect, which have the same paths."""
    return ScoredImages((*bench.good, *bench.pasted), seen.score_M, seen.maps, [*seen.masks], None)
