"""One threshold a category, or one for all: calibration of image and pixel scores over a group of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adshift.calibration.calibration import Calibration, Calibrator
from adshift.calibration.crossfit import crossfit_calibration
from adshift.errors import AdshiftError
from adshift.stages.scored import ScoredImages

GLOBAL = "global"


@dataclass(frozen=True)
class Thresholds:
    """The calibrations of a run; the keys are category names, or ``global`` alone."""

    image: dict[str, Calibration]
    pixel: dict[str, Calibration]

    def image_threshold(self, category: str) -> float | None:
        """The image threshold that decides on a category; None where nothing was calibrated."""
        return _value(self.image, category)

    def pixel_threshold(self, category: str) -> float | None:
        """The pixel threshold that decides on a category; None where nothing was calibrated."""
        return _value(self.pixel, category)

    def to_json(self, domain: dict[str, Any]) -> dict[str, Any]:
        """The content of ``calibration.json``: everything a decision needs, beside the model."""
        return {
            "domain": domain,
            "image": {name: c.to_json() for name, c in self.image.items()},
            "pixel": {name: c.to_json() for name, c in self.pixel.items()},
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Thresholds:
        """Read what ``to_json`` wrote; raises AdshiftError where it is something else."""
        if not all(isinstance(data.get(part), dict) for part in ("image", "pixel")):
            raise AdshiftError(f"a calibration with the keys {sorted(data)} must have image and pixel; calibrate anew")
        return Thresholds(
            {name: Calibration.from_json(c) for name, c in data["image"].items()},
            {name: Calibration.from_json(c) for name, c in data["pixel"].items()},
        )


def _value(calibrations: dict[str, Calibration], category: str) -> float | None:
    found = calibrations.get(category) or calibrations.get(GLOBAL)
    return None if found is None else found.threshold


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
        left_out: whether each score is of a model that has seen all the others: as many folds as images.

    Returns:
        The thresholds; empty where there is no calibration image, without a pixel threshold where a calibrator needs
        defect pixels and no mask marks any.
    """
    if not scored.samples:
        return Thresholds({}, {})
    groups = {GLOBAL: scored} if scope == "global" else {c: scored.of_category(c) for c in categories}

    def of_images(group: ScoredImages) -> Calibration:
        k = len(group.samples) if left_out else folds
        if k > 1:
            return crossfit_calibration(calibrator, group.score_N, k)
        return calibrator.calibrate(group.score_N, group.label_N)

    image = {name: of_images(group) for name, group in groups.items()}
    pixel = {name: _of_pixels(calibrator, group) for name, group in groups.items()}
    return Thresholds(image, {name: found for name, found in pixel.items() if found is not None})
