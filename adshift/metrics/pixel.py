"""Exact pixel AUROC, average precision, best F1 and PRO that share one sort.

Defect pixels are few, and all four curves can only turn at their scores: so the defect pixels are ranked, and for
each of their distinct scores the defect-free pixels above it are counted in sorted chunks. Memory beyond the maps is
one chunk and the defect pixels. Legend: K = distinct scores of defect pixels, from the highest; V = vertices of a
curve; P = pixels.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from adshift.errors import AdshiftError
from adshift.metrics.curves import (
    AnyArray,
    FloatArray,
    area_to_limit,
    defined,
    f1_peak,
    precision_area,
    ratio,
    roc_area,
)

Maps = Sequence[AnyArray]
Masks = Sequence[AnyArray | None]

CHUNK = 1 << 23  # defect-free pixels sorted at a time: 32 MB of float32


def region_sizes(mask_HW: AnyArray) -> AnyArray:
    """For each pixel (H, W) the size in pixels of its 8-connected ground-truth region; 0 outside of all regions
    (int32)."""
    import cv2

    _, region_HW = cv2.connectedComponents((mask_HW != 0).astype(np.uint8), connectivity=8)  # 0 = outside
    sizes = np.bincount(region_HW.ravel())
    sizes[0] = 0
    return np.asarray(sizes.astype(np.int32)[region_HW])


def _fitted(map_HW: AnyArray, mask_HW: AnyArray | None) -> tuple[AnyArray, AnyArray | None]:
    """The map in floating point, and which pixels are defects; None where none is."""
    map_HW = np.asarray(map_HW)
    if not np.issubdtype(map_HW.dtype, np.floating):
        map_HW = map_HW.astype(np.float64)
    if mask_HW is None:
        return map_HW, None
    if map_HW.shape != mask_HW.shape:
        raise AdshiftError(
            f"mask of shape {mask_HW.shape} does not fit its map {map_HW.shape}; resize one to the other"
        )
    defect_HW = mask_HW != 0
    return map_HW, defect_HW if defect_HW.any() else None


def defect_pixels(map_HW: AnyArray, mask_HW: AnyArray | None) -> tuple[AnyArray, AnyArray]:
    """(scores of the defect pixels, size of the region of each), flat; empty where the mask is None or all 0.

    Raises AdshiftError where the shapes differ.
    """
    map_HW, defect_HW = _fitted(map_HW, mask_HW)
    if defect_HW is None:
        return map_HW.ravel()[:0], np.empty(0, np.int32)
    return map_HW[defect_HW], region_sizes(defect_HW)[defect_HW]


def defect_free_pixels(map_HW: AnyArray, mask_HW: AnyArray | None) -> AnyArray:
    """Scores of the pixels outside of every defect, flat; a view of the map where it has no defect."""
    map_HW, defect_HW = _fitted(map_HW, mask_HW)
    return map_HW.ravel() if defect_HW is None else map_HW[~defect_HW]


def _chunks(arrays: Iterable[AnyArray]) -> Iterator[AnyArray]:
    """Flat arrays joined into copies of about CHUNK elements, which the caller may sort in place."""
    held: list[AnyArray] = []
    for array in arrays:
        held.append(array)
        if sum(map(len, held)) >= CHUNK:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


@dataclass(frozen=True, slots=True)
class PixelRanking:
    """Counts at each distinct score of a defect pixel, from the highest; every figure is a sum over them.

    `score_K`; `tp_K` defect pixels at or above it; `overlap_K` the same, each pixel weighing 1 / (its region's
    size), so that the total is the number of regions; `above_K` and `upto_K` defect-free pixels above it, and at or
    above it; `negatives` all defect-free pixels.
    """

    score_K: AnyArray
    tp_K: FloatArray
    overlap_K: FloatArray
    above_K: AnyArray
    upto_K: AnyArray
    negatives: int

    @classmethod
    def from_maps(cls, maps: Maps, masks: Masks) -> "PixelRanking":
        """Rank the pixels of test images, good ones included.

        Args:
            maps: raw anomaly maps (H, W), one an image; sizes may differ between images.
            masks: ground truth (H, W), defect where not 0; None for an image without any defect.

        Raises AdshiftError where a map and its mask differ in shape or a score is NaN.
        """
        if not len(maps):
            raise AdshiftError("0 anomaly maps cannot be ranked; give at least one")
        pairs = list(zip(maps, masks, strict=True))
        defects, sizes = zip(*(defect_pixels(*pair) for pair in pairs), strict=True)
        return cls._rank(np.concatenate(defects), np.concatenate(sizes), (defect_free_pixels(*pair) for pair in pairs))

    @classmethod
    def _rank(cls, defects: AnyArray, sizes: AnyArray, defect_free: Iterable[AnyArray]) -> "PixelRanking":
        order = np.argsort(defects)[::-1]
        defects, weights = defects[order], 1.0 / sizes[order]
        if np.isnan(defects).any():
            raise AdshiftError("an anomaly map holds NaN and cannot be ranked; look for broken images or weights")
        last_K = np.flatnonzero(np.append(defects[1:] != defects[:-1], True)[: len(defects)])
        score_K = defects[last_K]
        above_K, upto_K = np.zeros(len(score_K), np.int64), np.zeros(len(score_K), np.int64)
        negatives = 0
        for chunk in _chunks(defect_free):
            chunk.sort()
            if len(chunk) and np.isnan(chunk[-1]):
                raise AdshiftError("an anomaly map holds NaN and cannot be ranked; look for broken images or weights")
            below_K = np.searchsorted(chunk, score_K[::-1], side="left")[::-1]
            not_above_K = np.searchsorted(chunk, score_K[::-1], side="right")[::-1]
            upto_K += len(chunk) - below_K
            above_K += len(chunk) - not_above_K
            negatives += len(chunk)
        overlap_K = np.cumsum(weights)[last_K]
        return cls(score_K, (last_K + 1).astype(np.float64), overlap_K, above_K, upto_K, negatives)

    @property
    def positives(self) -> int:
        """Defect pixels."""
        return int(self.tp_K[-1]) if len(self.tp_K) else 0

    @property
    def regions(self) -> int:
        """8-connected ground-truth regions over all images."""
        return round(float(self.overlap_K[-1])) if len(self.overlap_K) else 0

    def curve(self, gain_K: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(false positives, `gain_K`) at the V = 2 K + 1 points where the curve can turn: just above each score, at
        it, the end."""
        fp_V, gain_V = np.empty(2 * len(gain_K) + 1), np.empty(2 * len(gain_K) + 1)
        fp_V[0:-1:2], fp_V[1::2], fp_V[-1] = self.above_K, self.upto_K, self.negatives
        gain_V[1::2], gain_V[2::2], gain_V[0] = gain_K, gain_K, 0.0
        return fp_V, gain_V

    def auroc(self) -> float | None:
        """Area under the pixel ROC curve, ties one half; None without defect pixels or without defect-free ones."""
        return defined(roc_area(*self.curve(self.tp_K)))

    def average_precision(self) -> float | None:
        """Step-wise average precision over pixels; None as for `auroc`."""
        return defined(precision_area(*self.curve(self.tp_K)))

    def best_f1(self) -> float | None:
        """Largest pixel F1 over all thresholds, chosen on these very masks; None as for `auroc`."""
        return defined(f1_peak(*self.curve(self.tp_K)))

    def pro(self, limit: float = 0.3) -> float | None:
        """Per-region overlap up to a false-positive rate in (0, 1]; None as for `auroc`.

        Mean overlap over the regions of all images against the rate over the defect-free pixels of all images, every
        distinct score a threshold, trapezoids, cut linearly at the limit, over the limit. Bergmann et al., IJCV
        2021, section 3.
        """
        if not self.positives or not self.negatives:
            return None
        fp_V, overlap_V = self.curve(self.overlap_K)
        return defined(area_to_limit(fp_V / self.negatives, overlap_V / self.regions, limit))


def pixel_counts(maps: Maps, masks: Masks, threshold_N: AnyArray | float) -> FloatArray:
    """(N, 3): true positive, false positive and false negative pixels of each image.

    A pixel is called a defect if score >= threshold. The threshold is one number or one an image (N,); maps and masks
    as in `PixelRanking.from_maps`.
    """
    thresholds_N = np.broadcast_to(np.asarray(threshold_N), (len(maps),))
    counts_N3 = np.zeros((len(maps), 3))
    for row, map_HW, mask_HW, threshold in zip(counts_N3, maps, masks, thresholds_N, strict=True):
        called_HW = map_HW >= threshold
        called = np.count_nonzero(called_HW)
        defect_HW = None if mask_HW is None else mask_HW != 0
        hit = 0 if defect_HW is None else np.count_nonzero(called_HW & defect_HW)
        defect = 0 if defect_HW is None else np.count_nonzero(defect_HW)
        row[:] = hit, called - hit, defect - hit
    return counts_N3


def pixel_rates(tp: FloatArray, fp: FloatArray, fn: FloatArray) -> dict[str, FloatArray]:
    """Pixel F1 and intersection over union from counts of any one shape; NaN where there is no defect pixel."""
    has_defect = tp + fn > 0
    return {
        "pixel_f1": np.where(has_defect, ratio(2 * tp, 2 * tp + fp + fn), np.nan),
        "pixel_iou": np.where(has_defect, ratio(tp, tp + fp + fn), np.nan),
    }


def pixel_decision(maps: Maps, masks: Masks, threshold_N: AnyArray | float) -> dict[str, float | None]:
    """`pixel_f1` and `pixel_iou` over the pixels of all images at a threshold; None without defect pixels."""
    tp, fp, fn = pixel_counts(maps, masks, threshold_N).sum(axis=0)
    return {name: defined(value) for name, value in pixel_rates(tp, fp, fn).items()}
