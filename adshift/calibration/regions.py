"""Regions of an anomaly map: what is outlined at a threshold, and from which threshold on an image has no outline.

A region is an 8-connected set of pixels at or over the threshold, as ground-truth regions are (``adshift.metrics.pixel``).
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from adshift.errors import AdshiftError

Map = NDArray[np.floating]


def outlined(map_HW: Map, threshold: float, region: int = 1) -> NDArray[np.bool_]:
    """The pixels [H, W] that lie at or over the threshold in a region of at least ``region`` pixels.

    The rule is monotone: a lower threshold outlines these pixels too.
    """
    called_HW = np.asarray(map_HW >= threshold)
    if region == 1:
        return called_HW
    place_HW, size_R = _regions(called_HW)
    kept_R = size_R >= region
    kept_R[0] = False  # what lies under the threshold
    return np.asarray(kept_R[place_HW])


def outlines(map_HW: Map, threshold: float, region: int = 1) -> int:
    """How many regions of at least ``region`` pixels lie at or over the threshold."""
    return int((_regions(map_HW >= threshold)[1][1:] >= region).sum())


def region_score(map_HW: Map, region: int) -> float:
    """The largest threshold at which an image has an outline: a region of at least ``region`` pixels.

    So an image is outlined at t exactly where its region score is >= t, as an image is anomalous where its score is. With
    ``region`` = 1 it is the map's maximum. Found by bisection over the map's values, from the highest down.

    Args:
        map_HW: raw distances, all finite.
        region: in [1, H W] pixels.

    Returns:
        one of the map's values.

    Raises:
        AdshiftError: ``region`` out of bounds.
    """
    if not 1 <= region <= map_HW.size:
        raise AdshiftError(f"region={region} must be in [1, {map_HW.size}], the pixels of the map; 1 takes every pixel")
    falling_P = np.sort(map_HW, axis=None)[::-1]

    def has_region(place: int) -> bool:
        return outlines(map_HW, falling_P[place], region) > 0

    end = region  # fewer pixels make no such region
    while end < map_HW.size and not has_region(end - 1):
        end *= 2
    places = range(min(end, map_HW.size))
    return float(falling_P[bisect_left(places, True, lo=max(region, end // 2) - 1, key=has_region)])


def without_small(map_HW: Map, threshold: float, region: int) -> Map:
    """The map with the regions that are too small lowered to just under the threshold.

    At any size that it is brought to by bilinear interpolation it then outlines what belongs to regions of at least
    ``region`` pixels of its own and nothing else: a lowered pixel and one of another region never share a square of four.
    """
    small_HW = np.asarray(map_HW >= threshold) & ~outlined(map_HW, threshold, region)
    if not small_HW.any():
        return map_HW
    under = np.nextafter(np.asarray(threshold, map_HW.dtype), np.asarray(-np.inf, map_HW.dtype))
    return np.where(small_HW, under, map_HW)


def _regions(called_HW: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Each pixel's region [H, W], 0 for what was not called, and the size of each in pixels [R], that of 0 first."""
    import cv2

    count, place_HW = cv2.connectedComponents(called_HW.astype(np.uint8), connectivity=8)
    return np.asarray(place_HW), np.bincount(place_HW.ravel(), minlength=count)
