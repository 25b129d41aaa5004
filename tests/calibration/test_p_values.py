"""Conformal p-values and decisions on a whole batch."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from adshift.calibration.conformal import Conformal
from adshift.calibration.p_values import batch_threshold, conformal_p_values, normals_needed, rejected
from adshift.calibration.thresholds import Thresholds
from adshift.errors import AdshiftError


def test_a_p_value_is_the_share_of_good_images_that_score_as_high() -> None:
    assert conformal_p_values([0.0, 2.0, 2.5, 9.0], (1.0, 2.0, 2.0)).tolist() == [1.0, 0.75, 0.25, 0.25]


@pytest.mark.parametrize("levels", [3, 1000])
def test_the_threshold_at_alpha_is_the_p_value_at_alpha(levels: int) -> None:
    generator = np.random.default_rng(levels)
    for n in (19, 40, 173):
        normals, new = generator.integers(0, levels, n) / 7, generator.integers(0, 2 * levels, 300) / 7
        threshold = Conformal(0.05).calibrate(normals, np.zeros(n, int)).threshold
        called = conformal_p_values(new, sorted(normals)) <= 0.05
        assert (called == (new >= threshold)).all()


@pytest.mark.parametrize("levels", [4, 10**6])
def test_a_good_image_has_a_p_value_of_at_most_a_with_probability_at_most_a(levels: int) -> None:
    generator = np.random.default_rng(0)
    scores = generator.integers(0, levels, (20_000, 21))
    p = np.array([conformal_p_values(row[:1], sorted(row[1:]))[0] for row in scores])
    for a in (1 / 21, 0.1, 0.5):
        assert (p <= a).mean() <= a + 3 * np.sqrt(a * (1 - a) / len(p))


def test_what_is_rejected_is_what_scipys_adjusted_p_values_reject() -> None:
    generator = np.random.default_rng(1)
    for n in (1, 7, 60):
        for _ in range(50):
            p = (1 + generator.binomial(40, generator.beta(0.4, 1, n))) / 41
            assert (rejected(p, 0.1) == (false_discovery_control(p) <= 0.1 + 1e-12)).all()


@pytest.mark.parametrize("bad", [0, 10, 40])
@pytest.mark.parametrize("normals", [20, 200])
def test_few_of_those_called_bad_are_good(bad: int, normals: int) -> None:
    """3,000 batches of 100: the mean false discovery proportion is not shown above the promise (ties, few normals)."""
    generator = np.random.default_rng(bad + normals)
    shares = []
    for _ in range(3000):
        good = np.round(generator.normal(0, 1, normals + 100 - bad), 1)
        scores = np.concatenate([good[normals:], np.round(generator.normal(4, 1, bad), 1)])
        called = scores >= batch_threshold(scores.tolist(), sorted(good[:normals].tolist()), 0.1)
        shares.append(called[: 100 - bad].sum() / max(called.sum(), 1))
    assert np.mean(shares) <= 0.1 + 3 * np.std(shares) / np.sqrt(len(shares))


@pytest.mark.parametrize(
    ("n", "bad", "rate"), [(100, 1, 0.1), (100, 25, 0.1), (7, 7, 0.05), (30, 3, 0.3), (1, 1, 0.99)]
)
def test_so_many_normals_make_bad_images_seen_and_one_less_does_not(n: int, bad: int, rate: float) -> None:
    scores, least = [1e3] * bad + [-1.0] * (n - bad), normals_needed(n, bad, rate)
    for normals, called in ((least, True), (least - 1, False)):
        if normals > 0:
            assert (max(scores) >= batch_threshold(scores, list(range(normals)), rate)) is called


@pytest.mark.parametrize("rate", [0, 1, -0.1, float("nan"), True, "0.1"])
def test_a_rate_is_in_bounds(rate: float) -> None:
    with pytest.raises(AdshiftError, match=r"fdr=.* must be in \(0, 1\)"):
        batch_threshold([1.0], [0.0], rate)


def test_nothing_is_decided_against_nothing() -> None:
    with pytest.raises(AdshiftError, match="1 images and 0 calibration scores"):
        batch_threshold([1.0], [], 0.1)


@pytest.mark.parametrize(
    "normals", [[], {"a": []}, {"a": [None]}, {"a": ["1"]}, {"a": [True]}, {"a": [float("nan")]}, {"a": [10**400]}]
)
def test_normals_of_a_stranger_are_checked(normals: object) -> None:
    with pytest.raises(AdshiftError, match="must be finite scores"):
        Thresholds.from_json({"image": {}, "pixel": {}, "normals": normals})


def test_normals_come_back_and_are_none_in_an_older_run() -> None:
    held = Thresholds({}, {}, normals={"a": (1.0, 2.5)})
    assert Thresholds.from_json(held.to_json({})).normals_of("a") == (1.0, 2.5)
    assert Thresholds.from_json({"image": {}, "pixel": {}}).normals_of("a") == ()
