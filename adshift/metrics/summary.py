"""All figures of one test set in one call, and their mean over categories.

Legend: N = images, B = replicates.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from adshift.errors import AdshiftError
from adshift.metrics.bootstrap import PRO_LIMITS, image_replicates, pixel_replicates
from adshift.metrics.curves import AnyArray, FloatArray
from adshift.metrics.decision import DECISION_FIGURES, decision_metrics
from adshift.metrics.pixel import Maps, Masks, PixelRanking, pixel_decision
from adshift.metrics.ranking import auroc, average_precision, best_f1, checked_labels
from adshift.metrics.resampling import percentile_interval, resample

IMAGE_FIGURES = ("image_auroc", "image_ap", "image_f1_max", *DECISION_FIGURES)
PIXEL_RANK_FIGURES = ("pixel_auroc", "pixel_ap", *PRO_LIMITS, "pixel_f1_max")
PIXEL_DECISION_FIGURES = ("pixel_f1", "pixel_iou")
FIGURES = (*IMAGE_FIGURES, *PIXEL_RANK_FIGURES, *PIXEL_DECISION_FIGURES)

Value = float | list[float] | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one test set.

    `values`: every name of FIGURES (None where undefined), and `NAME_ci` = [low, high] for each that has an interval.
    `warnings`: a line for each reason why figures are None. `replicates`: the bootstrap behind the intervals, (B,) a
    figure. `images`: marks the resamples; two runs compare only where it is equal.
    """

    values: dict[str, Value]
    warnings: list[str] = field(default_factory=list)
    replicates: dict[str, FloatArray] = field(default_factory=dict)
    images: str = ""

    def point(self, name: str) -> float | None:
        """The figure `name` itself, None where it is undefined."""
        value = self.values[name]
        if isinstance(value, list):
            raise AdshiftError(f"{name} is an interval, not a figure; ask for one of {', '.join(FIGURES)}")
        return value


def _image_points(
    scores_N: AnyArray, labels_N: AnyArray, threshold: AnyArray | float | None
) -> dict[str, float | None]:
    points: dict[str, float | None] = dict.fromkeys(DECISION_FIGURES)
    points["image_auroc"] = auroc(scores_N, labels_N)
    points["image_ap"] = average_precision(scores_N, labels_N)
    points["image_f1_max"] = best_f1(scores_N, labels_N)
    if threshold is not None:
        points |= decision_metrics(scores_N, labels_N, threshold)
    return points


def _pixel_points(
    maps: Maps, masks: Masks, ranking: PixelRanking, threshold: AnyArray | float | None
) -> dict[str, float | None]:
    points: dict[str, float | None] = dict.fromkeys(PIXEL_DECISION_FIGURES)
    points["pixel_auroc"] = ranking.auroc()
    points["pixel_ap"] = ranking.average_precision()
    points["pixel_f1_max"] = ranking.best_f1()
    points |= {name: ranking.pro(limit) for name, limit in PRO_LIMITS.items()}
    if threshold is not None:
        points |= pixel_decision(maps, masks, threshold)
    return points


def _rows(threshold: AnyArray | float | None, kept_N: AnyArray) -> AnyArray | float | None:
    return threshold if threshold is None or np.ndim(threshold) == 0 else np.asarray(threshold)[kept_N]


def figures(
    scores_N: AnyArray,
    labels_N: AnyArray,
    threshold: AnyArray | float | None = None,
    *,
    maps: Maps | None = None,
    masks: Masks | None = None,
    pixel_threshold: AnyArray | float | None = None,
    replicates: int = 1000,
    seed: int = 0,
    stream: str = "",
    strata_N: AnyArray | None = None,
) -> Figures:
    """Every figure of one test set, with bootstrap intervals.

    Args:
        scores_N: raw image scores (N,), of any range.
        labels_N: 0 normal, 1 anomalous (N,).
        threshold: image threshold, one or one an image (N,); None leaves the decision figures None.
        maps: raw anomaly maps (H, W), one an image; None leaves the pixel figures None.
        masks: ground truth (H, W) or None, one an image. A normal image needs none; an anomalous image without one
        is left
            out of the pixel figures, with a warning.
        pixel_threshold: as `threshold`, for pixels.
        replicates: bootstrap resamples; 0 = no intervals.
        seed, stream: see `resample`; give the category as `stream`, so that categories are resampled independently.
        strata_N: integers (N,) whose groups are resampled apart; labels where None.

    Raises AdshiftError for NaN scores, labels other than 0 and 1, and shapes that do not fit.
    """
    scores_N = np.asarray(scores_N)
    anomalous_N = checked_labels(labels_N, len(scores_N))
    strata_N = anomalous_N if strata_N is None else np.asarray(strata_N)
    values: dict[str, Value] = dict.fromkeys(FIGURES)
    values |= _image_points(scores_N, anomalous_N, threshold)
    notes = _image_warnings(anomalous_N, threshold, values)
    drawn: dict[str, FloatArray] = {}
    if replicates:
        drawn |= image_replicates(scores_N, anomalous_N, resample(strata_N, replicates, seed, stream), threshold)
    if maps is None:
        notes.append("no anomaly maps: the pixel figures are null")
    else:
        kept_N, kept_masks = _with_truth(anomalous_N, maps, masks)
        kept_maps = [maps[i] for i in kept_N]
        notes += _pixel_warnings(anomalous_N, kept_N, kept_masks, pixel_threshold)
        if kept_maps:
            ranking = PixelRanking.from_maps(kept_maps, kept_masks)
            rows = _rows(pixel_threshold, kept_N)
            values |= _pixel_points(kept_maps, kept_masks, ranking, rows)
            if replicates:
                counts_BN = resample(strata_N[kept_N], replicates, seed, stream)
                drawn |= pixel_replicates(kept_maps, kept_masks, counts_BN, rows, ranking)
    drawn = {name: drawn[name] for name in FIGURES if name in drawn and values[name] is not None}
    return Figures(values | _intervals(drawn), notes, drawn, _fingerprint(strata_N, replicates, seed, stream))


def _with_truth(anomalous_N: AnyArray, maps: Maps, masks: Masks | None) -> tuple[AnyArray, list[AnyArray | None]]:
    """Indices of the images whose ground truth is known, and their masks."""
    masks = [None] * len(anomalous_N) if masks is None else masks
    if not len(maps) == len(masks) == len(anomalous_N):
        raise AdshiftError(
            f"{len(maps)} maps and {len(masks)} masks do not fit {len(anomalous_N)} images; give one each"
        )
    kept = [i for i, mask in enumerate(masks) if mask is not None or not anomalous_N[i]]
    return np.array(kept, np.int64), [masks[i] for i in kept]


def _image_warnings(
    anomalous_N: AnyArray, threshold: AnyArray | float | None, values: Mapping[str, Value]
) -> list[str]:
    notes = []
    if anomalous_N.all() or not anomalous_N.any():
        missing = "normal" if anomalous_N.any() else "anomalous"
        notes.append(f"no {missing} test image: the image figures that need one are null")
    if threshold is None:
        notes.append("no image threshold: the decision figures are null")
    elif values["precision"] is None:
        notes.append("no test image is called anomalous: precision is null")
    return notes


def _pixel_warnings(
    anomalous_N: AnyArray, kept_N: AnyArray, masks: Masks, threshold: AnyArray | float | None
) -> list[str]:
    notes = []
    anomalies, left_out = int(anomalous_N.sum()), len(anomalous_N) - len(kept_N)
    if left_out:
        notes.append(f"{left_out} of {anomalies} anomalous test images have no mask: left out of the pixel figures")
    marked = sum(mask is not None and bool(np.any(mask)) for mask in masks)
    if not marked:
        return [*notes, "no defect pixel in the masks: the pixel figures are null"]
    empty = int(anomalous_N[kept_N].sum()) - marked
    if empty > 0:
        notes.append(f"{empty} of {anomalies} anomalous test images have an empty mask: all defect-free pixels")
    if threshold is None:
        notes.append("no pixel threshold: pixel_f1 and pixel_iou are null")
    return notes


def _intervals(replicates: Mapping[str, FloatArray]) -> dict[str, Value]:
    found = {f"{name}_ci": percentile_interval(values_B) for name, values_B in replicates.items()}
    return {name: list(interval) for name, interval in found.items() if interval is not None}


def _fingerprint(strata_N: AnyArray, replicates: int, seed: int, stream: str) -> str:
    return f"{len(strata_N)}:{zlib.crc32(strata_N.astype(np.int64).tobytes()):08x}:{replicates}:{seed}:{stream}"


def macro(categories: Mapping[str, Figures]) -> Figures:
    """Mean of each figure over the categories where it is defined, with the interval of that mean.

    The replicates are averaged as they are, so categories must have been resampled independently (`stream` of
    `figures`). A category whose figure is undefined is left out of that figure and named in the warnings.
    """
    if not categories:
        raise AdshiftError("0 categories have no mean; give at least one")
    values: dict[str, Value] = dict.fromkeys(FIGURES)
    replicates: dict[str, FloatArray] = {}
    missing: dict[tuple[str, ...], list[str]] = {}
    for name in FIGURES:
        points = {category: each.point(name) for category, each in categories.items()}
        known = {category: point for category, point in points.items() if point is not None}
        if not known:
            continue
        if len(known) < len(points):
            missing.setdefault(tuple(sorted(points.keys() - known.keys())), []).append(name)
        values[name] = float(np.mean(list(known.values())))
        if all(name in categories[category].replicates for category in known):
            replicates[name] = np.mean([categories[category].replicates[name] for category in known], axis=0)
    notes = [
        f"macro {', '.join(names)}: without {', '.join(left_out)}, undefined there"
        for left_out, names in missing.items()
    ]
    images = "|".join(f"{category}={each.images}" for category, each in sorted(categories.items()))
    return Figures(values | _intervals(replicates), notes, replicates, images)
