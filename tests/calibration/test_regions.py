"""Regions of a map: what is outlined, and the score that decides whether an image is, against brute force."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy import ndimage

from adshift.calibration.regions import outlined, outlines, region_score, without_small
from adshift.errors import AdshiftError

EIGHT = np.ones((3, 3), int)


def sizes(called: np.ndarray) -> list[int]:
    """The sizes of the 8-connected regions, by scipy."""
    labels, count = ndimage.label(called, EIGHT)
    return [int((labels == i + 1).sum()) for i in range(count)]


def maps(kind: str, count: int) -> list[np.ndarray]:
    generator = np.random.default_rng(3)
    drawn = [generator.normal(0, 1, (9 + i % 4, 12)).astype(np.float32) for i in range(count)]
    if kind == "ties":
        return [np.round(m * 2) / 2 for m in drawn]
    return [cv2.GaussianBlur(m, (0, 0), 1.5) for m in drawn] if kind == "smooth" else drawn


@pytest.mark.parametrize("kind", ["noise", "smooth", "ties"])
@pytest.mark.parametrize("region", [1, 2, 5, 16, 60])
def test_a_region_score_is_the_largest_threshold_with_such_a_region(kind: str, region: int) -> None:
    for map_HW in maps(kind, 8):
        reached = [t for t in np.unique(map_HW) if max(sizes(map_HW >= t), default=0) >= region]
        assert region_score(map_HW, region) == reached[-1]


def test_with_one_pixel_it_is_the_maximum_and_with_all_the_minimum() -> None:
    map_HW = maps("noise", 1)[0]
    assert region_score(map_HW, 1) == map_HW.max()
    assert region_score(map_HW, map_HW.size) == map_HW.min()


@pytest.mark.parametrize("kind", ["noise", "smooth", "ties"])
def test_an_image_is_outlined_exactly_where_its_region_score_reaches_the_threshold(kind: str) -> None:
    for map_HW in maps(kind, 4):
        for region in (1, 3, 10):
            score = region_score(map_HW, region)
            for t in (score, float(np.nextafter(np.float32(score), np.float32(np.inf)))):
                assert outlined(map_HW, t, region).any() == (score >= t) == (outlines(map_HW, t, region) > 0)


@pytest.mark.parametrize("kind", ["noise", "smooth", "ties"])
def test_what_is_outlined_is_what_is_large_enough(kind: str) -> None:
    for map_HW in maps(kind, 4):
        for t in np.quantile(map_HW, [0.2, 0.6, 0.9]):
            labels, count = ndimage.label(map_HW >= t, EIGHT)
            kept = [i + 1 for i in range(count) if (labels == i + 1).sum() >= 4]
            assert (outlined(map_HW, float(t), 4) == np.isin(labels, kept)).all()
            assert outlines(map_HW, float(t), 4) == len(kept)


def test_a_diagonal_is_one_region() -> None:
    assert region_score(np.diag([3.0, 2.0, 1.0]) - 1, 3) == 0.0


@pytest.mark.parametrize("scale", [0.5, 1, 3])
def test_at_any_size_what_is_drawn_belongs_to_regions_that_are_large_enough(scale: float) -> None:
    """Every drawn pixel lies in a cell of the map's pixels that holds one of a kept region."""
    for map_HW in maps("smooth", 6):
        t = float(np.quantile(map_HW, 0.8))
        kept = outlined(map_HW, t, 8)
        held = without_small(map_HW, t, 8)
        assert ((held >= t) == kept).all()
        assert (held[map_HW < t] == map_HW[map_HW < t]).all()
        size = (round(map_HW.shape[1] * scale), round(map_HW.shape[0] * scale))
        drawn = cv2.resize(held, size, interpolation=cv2.INTER_LINEAR) >= t
        near = cv2.resize(ndimage.binary_dilation(kept, EIGHT).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        assert not (drawn & (near == 0)).any()
        if not kept.any():
            assert not drawn.any()


def test_a_map_without_small_regions_is_itself() -> None:
    map_HW = maps("smooth", 1)[0]
    assert without_small(map_HW, float(map_HW.max()) + 1, 5) is map_HW


@pytest.mark.parametrize("region", [0, 109])
def test_a_region_that_no_map_holds_is_refused(region: int) -> None:
    with pytest.raises(AdshiftError, match=rf"region={region} must be in \[1, 108\]"):
        region_score(np.zeros((9, 12), np.float32), region)
