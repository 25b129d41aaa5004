"""What is outlined on the test images, beside what the pixel threshold promised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adshift.calibration.binomial import binomial_interval
from adshift.calibration.regions import outlined
from adshift.calibration.thresholds import Thresholds
from adshift.metrics.pixel import pixel_decision
from adshift.stages.scored import ScoredImages


def outlined_images(scored: ScoredImages, thresholds: Thresholds) -> list[NDArray[np.bool_]] | None:
    """What is outlined of each image, [H, W]; None unless each has a pixel threshold."""
    rule, found = thresholds.pixel_rule, []
    for sample, map_HW in zip(scored.samples, scored.maps, strict=True):
        threshold = thresholds.pixel_threshold(sample.category, sample.path)
        if threshold is None:
            return None
        found.append(outlined(map_HW, threshold, rule.region_in(map_HW.shape)))
    return found


def realised(scored: ScoredImages, thresholds: Thresholds, categories: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The ``regions`` object of result.json: a category with a pixel threshold and a test image each.

    ``pixel`` and ``region`` (the rule and its smallest region) and ``promised_rate``; of the good images ``good_images``,
    ``outlined`` (how many have an outline), ``outlined_rate``, its exact 95 % interval ``outlined_rate_exact_ci`` and
    ``outlined_area`` (mean share of an image's pixels), null without any; and ``seg_f1``, the F1 over the pixels of all
    images of what is outlined against the masks (SegF1 of MVTec AD 2), null without a defect pixel.
    """
    rule, found = thresholds.pixel_rule, {}
    for category in categories:
        part = scored.of_category(category)
        drawn = outlined_images(part, thresholds)
        if drawn:
            found[category] = {
                "pixel": rule.kind,
                "region": rule.region,
                "promised_rate": thresholds.pixel_promise(category),
                **good_outlines([d for d, label in zip(drawn, part.label_N, strict=True) if label == 0]),
                "seg_f1": _seg_f1(part, drawn),
            }
    return found


def good_outlines(drawn: Sequence[NDArray[np.bool_]]) -> dict[str, Any]:
    """The figures of good images alone, from what is outlined of each."""
    n, some = len(drawn), sum(bool(d.any()) for d in drawn)
    return {
        "good_images": n,
        "outlined": some,
        "outlined_rate": some / n if n else None,
        "outlined_rate_exact_ci": list(binomial_interval(some, n)) if n else None,
        "outlined_area": float(np.mean([d.mean() for d in drawn])) if n else None,
    }


def _seg_f1(scored: ScoredImages, drawn: Sequence[NDArray[np.bool_]]) -> float | None:
    """Over the images whose truth is known: the good ones, and those with a mask."""
    known = [i for i, mask in enumerate(scored.masks) if mask is not None or scored.samples[i].label == 0]
    if not known:
        return None
    return pixel_decision([drawn[i] for i in known], [scored.masks[i] for i in known], 0.5)["pixel_f1"]
