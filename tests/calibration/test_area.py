"""Conformal risk control of the area, against brute force and by simulation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from adshift.calibration.area import GoodPixels, bounded_area
from adshift.errors import AdshiftError


def drawn(n: int, seed: int, ties: bool = False) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    maps = [generator.normal(generator.normal(), 1, (3 + i % 2, 5)).astype(np.float32) for i in range(n)]
    return [np.round(m * 2) / 2 for m in maps] if ties else maps


def risk(maps: list[np.ndarray], groups: list[int], t: float) -> Fraction:
    """The left side of the bound, written out: each group's mean share, one more group with the share 1."""
    units = [[m for m, own in zip(maps, groups, strict=True) if own == g] for g in dict.fromkeys(groups)]
    means = [sum(Fraction(int((m >= t).sum()), m.size) for m in unit) / len(unit) for unit in units]
    return (sum(means, Fraction(0)) + 1) / (len(units) + 1)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("n", "alpha"), [(19, 0.05), (20, 0.07), (30, 0.2), (9, 0.5)])
def test_it_is_the_smallest_threshold_within_the_bound(n: int, alpha: float, ties: bool) -> None:
    maps = drawn(n, n, ties)
    for groups in (list(range(n)), [i // 2 for i in range(n)]):
        units = len(set(groups))
        if Fraction(str(alpha)) * (units + 1) < 1:
            continue
        found = bounded_area(GoodPixels.of(maps, np.array(groups)), alpha)
        assert risk(maps, groups, found.threshold) <= Fraction(str(alpha))
        below = np.nextafter(np.float32(found.threshold), np.float32(-np.inf))
        assert risk(maps, groups, float(below)) > Fraction(str(alpha))
        assert (found.kind, found.n, found.promised_rate, found.warnings) == ("area", n, alpha, ())
        assert found.parameters.get("groups") == (None if units == n else units)


def test_too_few_images_are_told_with_what_they_can_promise() -> None:
    maps = drawn(18, 0)
    found = bounded_area(GoodPixels.of(maps), 0.05)
    assert found.promised_rate == pytest.approx(1 / 19)
    assert not any((m >= found.threshold).any() for m in maps)
    assert "area: 18 normals cannot promise alpha=0.05, at least 19 needed" in found.warnings[0]
    grouped = bounded_area(GoodPixels.of(maps, np.arange(18) // 6), 0.2)
    assert "area: 3 groups of 18 normals cannot promise alpha=0.2, at least 4 needed" in grouped.warnings[0]


def test_leaving_a_series_out_is_calibrating_without_it() -> None:
    maps, groups = drawn(24, 1), np.arange(24) // 2
    for unit in (0, 5, 11):
        rest = groups != unit
        without = bounded_area(GoodPixels.of([m for m, k in zip(maps, rest, strict=True) if k], groups[rest]), 0.2)
        assert bounded_area(GoodPixels.of(maps, groups), 0.2, left_out=unit) == without


def test_the_expected_share_of_a_new_image_is_within_the_promise() -> None:
    """Images differ in level, so that their pixels are far from independent; and in pairs, the promise for a new pair."""
    generator = np.random.default_rng(5)
    for pairs in (1, 2):
        shares = []
        for _ in range(120):
            level = np.repeat(generator.normal(0, 1, 41), pairs)
            maps = [generator.normal(mean, 1, (4, 8)).astype(np.float32) for mean in level]
            groups = np.arange(41).repeat(pairs)
            made = bounded_area(GoodPixels.of(maps[pairs:], groups[pairs:]), 0.1)
            shares.append(float((maps[0] >= made.threshold).mean()))
        mean, error = np.mean(shares), np.std(shares) / np.sqrt(len(shares))
        assert mean < 0.1 + 3 * error
        assert mean > 0.03  # and it is no idle promise


def test_no_image_is_refused() -> None:
    with pytest.raises(AdshiftError, match="0 good calibration images"):
        GoodPixels.of([])
