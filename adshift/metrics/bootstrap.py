"""Bootstrap replicates and intervals of image and pixel figures, all replicates at once.

Image figures are exact weighted figures. Pixel figures resample whole images: each image is boiled down to its pixel
counts at a thousand shared score edges, so a replicate's curves are one row of (multiplicities x counts). Where
the edges cannot hold every turn of the curve, the replicates are shifted by (exact figure - binned figure), so that
binning leaves the centre alone. Legend: N = images, B = replicates, V = edges.
"""

from collections.abc import Iterator

import numpy as np

from adshift.metrics.curves import AnyArray, FloatArray, area_to_limit, precision_area, ratio, roc_area
from adshift.metrics.decision import decision_counts, decision_rates
from adshift.metrics.pixel import (
    Maps,
    Masks,
    PixelRanking,
    defect_free_pixels,
    defect_pixels,
    pixel_counts,
    pixel_rates,
)
from adshift.metrics.ranking import checked_labels, rank_curve
from adshift.metrics.resampling import Interval, percentile_interval, resample

EDGES = 1024  # half a bin bounds the error before recentring: 1 / 2048 of AUROC and PRO
ROWS = 50  # replicates whose curves are held at a time
PRO_LIMITS = {"pro_030": 0.3, "pro_005": 0.05}


def image_replicates(
    scores_N: AnyArray, labels_N: AnyArray, counts_BN: AnyArray, thresholds_N: AnyArray | float | None = None
) -> dict[str, FloatArray]:
    """Each image figure in each resample, (B,), NaN where undefined there; decision figures only with a threshold.

    `counts_BN` are the multiplicities of `resample`; scores, labels and thresholds as in `ranking` and `decision`.
    """
    fp_BV, tp_BV = rank_curve(scores_N, labels_N, counts_BN)
    replicates = {"image_auroc": roc_area(fp_BV, tp_BV), "image_ap": precision_area(fp_BV, tp_BV)}
    if thresholds_N is not None:
        tp, fp, fn, tn = (counts_BN @ decision_counts(scores_N, labels_N, thresholds_N)).T
        replicates |= decision_rates(tp, fp, fn, tn)
    return replicates


def score_edges(ranking: PixelRanking, edges: int = EDGES) -> AnyArray:
    """Falling score edges (V,), the last -inf, between which the curves of `ranking` are taken as straight.

    With few distinct defect scores s: s and the next float above it, which loses nothing. Else quantiles of the
    defect pixels, half by pixel and half by region, so that no bin holds more than about 2 / V of either.
    """
    score_K, lowest = ranking.score_K, np.array([-np.inf], ranking.score_K.dtype)
    if 2 * len(score_K) <= edges:
        just_above = np.nextafter(score_K, np.array(np.inf, score_K.dtype))
        return np.concatenate([np.stack([just_above, score_K], axis=1).ravel(), lowest])
    mass_K = ranking.tp_K / ranking.tp_K[-1] + ranking.overlap_K / ranking.overlap_K[-1]
    picked = np.searchsorted(mass_K, np.linspace(0, mass_K[-1], edges + 1)[1:])
    return np.concatenate([score_K[np.unique(np.minimum(picked, len(score_K) - 1))], lowest])


def edge_counts(maps: Maps, masks: Masks, edge_V: AnyArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Per image, each (N, V): defect-free pixels, defect pixels and summed region overlap at or above each edge."""
    rising_V = edge_V[::-1]
    fp_NV, tp_NV, overlap_NV = (np.zeros((len(maps), len(edge_V))) for _ in range(3))
    for i, (map_HW, mask_HW) in enumerate(zip(maps, masks, strict=True)):
        defect_free = np.sort(defect_free_pixels(map_HW, mask_HW))
        fp_NV[i] = len(defect_free) - np.searchsorted(defect_free, rising_V)[::-1]
        defects, sizes = defect_pixels(map_HW, mask_HW)
        if len(defects):
            order = np.argsort(defects)
            at_V = np.searchsorted(defects[order], rising_V)[::-1]
            below = np.concatenate([[0.0], np.cumsum(1.0 / sizes[order])])
            tp_NV[i], overlap_NV[i] = len(defects) - at_V, below[-1] - below[at_V]
    return fp_NV, tp_NV, overlap_NV


def _binned_figures(fp_BV: FloatArray, tp_BV: FloatArray, overlap_BV: FloatArray) -> dict[str, FloatArray]:
    rate_BV, covered_BV = ratio(fp_BV, fp_BV[:, -1:]), ratio(overlap_BV, overlap_BV[:, -1:])
    pro = {name: area_to_limit(rate_BV, covered_BV, limit) for name, limit in PRO_LIMITS.items()}
    return {"pixel_auroc": roc_area(fp_BV, tp_BV), "pixel_ap": precision_area(fp_BV, tp_BV), **pro}


def _blocks(weights_BN: FloatArray) -> Iterator[FloatArray]:
    return (weights_BN[start : start + ROWS] for start in range(0, len(weights_BN), ROWS))


def pixel_replicates(
    maps: Maps,
    masks: Masks,
    counts_BN: AnyArray,
    thresholds_N: AnyArray | float | None = None,
    ranking: PixelRanking | None = None,
    edges: int = EDGES,
) -> dict[str, FloatArray]:
    """Each pixel figure in each resample of the images, (B,), NaN where undefined there; `{}` where the figures are
    undefined.

    Args:
        maps, masks: as in `PixelRanking.from_maps`.
        counts_BN: multiplicities of the images, from `resample`.
        thresholds_N: pixel threshold, one or one an image; without it no `pixel_f1` and `pixel_iou` (these are exact).
        ranking: `PixelRanking.from_maps(maps, masks)` where it is at hand.
        edges: V, the resolution of the rank figures; their exact value centres them.
    """
    ranking = PixelRanking.from_maps(maps, masks) if ranking is None else ranking
    if not ranking.positives or not ranking.negatives:
        return {}
    per_image = edge_counts(maps, masks, score_edges(ranking, edges))
    weights_BN = np.concatenate([np.ones((1, len(maps))), counts_BN])  # the first row is the data themselves
    blocks = [_binned_figures(*(rows @ counts_NV for counts_NV in per_image)) for rows in _blocks(weights_BN)]
    binned = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    exact = {"pixel_auroc": ranking.auroc(), "pixel_ap": ranking.average_precision()}
    exact |= {name: ranking.pro(limit) for name, limit in PRO_LIMITS.items()}
    replicates = {
        name: np.clip(values[1:] + (value - values[0]), 0.0, 1.0)
        for name, values in binned.items()
        if (value := exact[name]) is not None
    }
    if thresholds_N is not None:
        tp, fp, fn = (counts_BN @ pixel_counts(maps, masks, thresholds_N)).T
        replicates |= pixel_rates(tp, fp, fn)
    return replicates


def _intervals(replicates: dict[str, FloatArray]) -> dict[str, Interval]:
    found = {name: percentile_interval(values_B) for name, values_B in replicates.items()}
    return {name: interval for name, interval in found.items() if interval is not None}


def image_intervals(
    scores_N: AnyArray,
    labels_N: AnyArray,
    thresholds_N: AnyArray | float | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> dict[str, Interval]:
    """95 % percentile intervals of the image figures that have one, stratified by label. See `image_replicates`."""
    counts_BN = resample(checked_labels(labels_N, len(scores_N)), replicates, seed)
    return _intervals(image_replicates(scores_N, labels_N, counts_BN, thresholds_N))


def pixel_intervals(
    maps: Maps,
    masks: Masks,
    labels_N: AnyArray,
    thresholds_N: AnyArray | float | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> dict[str, Interval]:
    """95 % percentile intervals of the pixel figures, resampling images stratified by label. See `pixel_replicates`."""
    counts_BN = resample(checked_labels(labels_N, len(maps)), replicates, seed)
    return _intervals(pixel_replicates(maps, masks, counts_BN, thresholds_N))
