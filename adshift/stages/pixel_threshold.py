"""What pixel thresholds are calibrated on: region scores of images, areas of good ones, or pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from adshift.calibration.area import GoodPixels, bounded_area
from adshift.calibration.calibration import Calibration, Calibrator
from adshift.calibration.pixel_rule import AREA, IMAGE, PixelRule
from adshift.calibration.regions import region_score
from adshift.stages.scored import ScoredImages

OfImages = Callable[[ScoredImages], Calibration]
"""The run's own rule on the scores of images, as its image threshold is made."""


def with_region_scores(scored: ScoredImages, rule: PixelRule) -> ScoredImages:
    """The images with the scores that decide whether they are outlined, in the precision of their maps."""
    scores = [region_score(m, rule.region_in(m.shape)) for m in scored.maps]
    return replace(scored, score_N=np.array(scores, scored.maps[0].dtype if scored.maps else np.float32))


def pixel_threshold(
    calibrator: Calibrator, rule: PixelRule, scored: ScoredImages, folds: int, of_images: OfImages
) -> Calibration | None:
    """The pixel threshold from the calibration images of one group; None where the calibrator needs what they do not have.

    Args:
        calibrator: whose rate is bounded (``area``), and what takes the pixels (``pixels``).
        rule: what is promised.
        scored: the calibration images.
        folds: K where the maps come from K models that had not seen the image, else 0.
        of_images: makes the threshold of ``image``.
    """
    if rule.kind == IMAGE:
        return of_images(with_region_scores(scored, rule))
    if rule.kind == AREA:
        good = scored.select(scored.label_N == 0)
        found = bounded_area(GoodPixels.of(good.maps, good.group_N), calibrator.alpha)  # type: ignore[attr-defined]
        return found if folds < 2 else _crossfitted(found, folds)
    return _of_pixels(calibrator, scored)


def left_out_pixel_thresholds(
    calibrator: Calibrator,
    rule: PixelRule,
    scopes: Sequence[ScoredImages],
    left_out_images: Callable[[Sequence[ScoredImages]], dict[str, float]],
) -> dict[str, float]:
    """For each normal image that is calibrated on the pixel threshold of the other series, by its path.

    None of them for ``pixels``, which promises nothing about images.
    """
    if rule.kind == IMAGE:
        return left_out_images([with_region_scores(group, rule) for group in scopes])
    found: dict[str, float] = {}
    for scope_images in scopes if rule.kind == AREA else ():
        good = scope_images.select(scope_images.label_N == 0)
        unit_N = good.group_N
        pixels = GoodPixels.of(good.maps, unit_N)
        for unit in range(pixels.count if pixels.count > 1 else 0):
            threshold = bounded_area(pixels, calibrator.alpha, left_out=unit).threshold  # type: ignore[attr-defined]
            found |= {s.path: threshold for s, own in zip(good.samples, unit_N, strict=True) if own == unit}
    return found


def _crossfitted(found: Calibration, folds: int) -> Calibration:
    warning = f"cross-fitted over {folds} folds: the promised area is approximate; the model was fitted on more images"
    return replace(found, parameters={**found.parameters, "folds": folds}, warnings=(*found.warnings, warning))


def _of_pixels(calibrator: Calibrator, scored: ScoredImages) -> Calibration | None:
    """None where the calibrator needs defect pixels and no mask of these images marks any.

    The pixels of one image are not exchangeable with those of another, so that the promise is about pixels of these images.
    """
    maps, labels = [np.empty(0, np.float32)], [np.empty(0, np.uint8)]
    for sample, anomaly_map, mask in zip(scored.samples, scored.maps, scored.masks, strict=True):
        if mask is not None and (calibrator.needs_anomalies or sample.label == 0):
            maps.append(anomaly_map.ravel())
            labels.append(mask.ravel())
    label_P = np.concatenate(labels).astype(np.int64)
    if calibrator.needs_anomalies and not label_P.any():
        return None
    return calibrator.calibrate(np.concatenate(maps), label_P)
