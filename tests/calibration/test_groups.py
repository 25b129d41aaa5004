"""Thresholds over groups of alike pictures: exact masses, promises by the number of groups, and what they keep."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from adshift.calibration.binomial import tolerance_rank
from adshift.calibration.conformal import Conformal
from adshift.calibration.crossfit import crossfit_calibration
from adshift.calibration.evt import EVT
from adshift.calibration.groups import normals_in_groups
from adshift.calibration.p_values import conformal_p_values
from adshift.calibration.quantile import Quantile
from adshift.calibration.sigma import Sigma
from adshift.errors import AdshiftError

RULES = [Conformal(0.1), Quantile(0.1), EVT(0.1, 0.5), Sigma(2.0)]


def good(n: int) -> np.ndarray:
    return np.zeros(n, np.int64)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
@pytest.mark.parametrize("n", [9, 10, 30, 57])
def test_with_a_group_an_image_nothing_changes(rule: Conformal, n: int) -> None:
    score_N = np.random.default_rng(n).normal(size=n).round(1)  # with ties
    shuffled = np.random.default_rng(0).permutation(n) * 3
    assert rule.calibrate(score_N, good(n), shuffled) == rule.calibrate(score_N, good(n))


def brute(score_N: np.ndarray, group_N: np.ndarray, allowed: Fraction) -> float:
    """The largest score that is reached with a mass above ``allowed``, by trying every one."""
    size = {g: int((group_N == g).sum()) for g in group_N.tolist()}
    masses = {
        s: sum(Fraction(1, size[g]) for t, g in zip(score_N, group_N.tolist(), strict=True) if t >= s) for s in score_N
    }
    return float(max(s for s, mass in masses.items() if mass > allowed))


@pytest.mark.parametrize("seed", range(8))
def test_the_mass_above_the_threshold_is_the_brute_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score_N, group_N = rng.normal(size=60).round(1), rng.integers(0, 25, 60)
    normals = normals_in_groups(score_N, good(60), group_N)
    count = len(set(group_N.tolist()))
    assert normals.count == count
    assert normals.mass_N.sum() == pytest.approx(count)
    for alpha in (0.1, 0.3):
        allowed = Fraction(repr(alpha)) * (count + 1) - 1
        found = Conformal(alpha).calibrate(score_N, good(60), group_N)
        assert found.threshold == math.nextafter(brute(score_N, group_N, allowed), math.inf)
        assert (found.promised_rate, found.n, found.parameters["groups"]) == (alpha, 60, count)
        quantile = Quantile(alpha).calibrate(score_N, good(60), group_N)
        assert quantile.threshold == math.nextafter(brute(score_N, group_N, Fraction(repr(alpha)) * count), math.inf)


def test_few_groups_promise_what_their_number_can() -> None:
    score_N = np.arange(40.0)
    found = Conformal(0.05).calibrate(score_N, good(40), np.arange(40) // 5)
    assert found.promised_rate == pytest.approx(1 / 9)
    assert found.threshold == math.nextafter(39.0, math.inf)
    assert "8 groups of 40 normals cannot promise alpha=0.05, at least 19 needed" in found.warnings[0]


def test_anomalies_belong_to_no_group() -> None:
    score_N, label_N = np.arange(20.0), np.array([0] * 18 + [1] * 2)
    group_N = np.array([*np.arange(18) // 2, 0, 0])
    assert Conformal(0.2).calibrate(score_N, label_N, group_N) == Conformal(0.2).calibrate(
        score_N[:18], good(18), group_N[:18]
    )


@pytest.mark.parametrize("rule", [Conformal(0.1), Conformal(0.1, 0.8)], ids=["on average", "with confidence"])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_what_groups_promise_they_keep(rule: Conformal, correlation: float) -> None:
    """Normal scores of groups of five: the rate for a new group is known of every threshold."""
    rng, rates, plain = np.random.default_rng(3), [], []
    for _ in range(400):
        group_N = np.arange(120) // 5
        score_N = math.sqrt(correlation) * rng.normal(size=24)[group_N] + math.sqrt(1 - correlation) * rng.normal(
            size=120
        )
        rates.append(stats.norm.sf(rule.calibrate(score_N, good(120), group_N).threshold))
        plain.append(stats.norm.sf(rule.calibrate(score_N, good(120)).threshold))
    kept = np.array(rates) <= rule.alpha
    if rule.confidence:
        assert stats.binomtest(int(kept.sum()), 400, rule.confidence, "less").pvalue > 0.01
    else:
        assert np.mean(rates) - 2 * np.std(rates) / 20 <= rule.alpha
    if correlation == 0.9 and not rule.confidence:
        assert np.mean(plain) > np.mean(rates)


@pytest.mark.parametrize(("alpha", "confidence"), [(0.05, 0.9), (0.1, 0.5), (0.01, 0.99)])
def test_the_tolerance_rank_is_the_largest_that_keeps_its_confidence(alpha: float, confidence: float) -> None:
    for n in (1, 20, 44, 45, 99, 400):
        rank = tolerance_rank(n, alpha, confidence)
        sure = [k for k in range(1, n + 1) if stats.beta.cdf(alpha, k, n + 1 - k) >= confidence]
        assert rank == max(sure, default=0)


def test_confidence_says_what_too_few_can_promise() -> None:
    found = Conformal(0.05, 0.9).calibrate(np.arange(20.0), good(20))
    assert found.promised_rate == pytest.approx(1 - 0.1 ** (1 / 20))
    assert "at least 45 needed" in found.warnings[0]
    enough = Conformal(0.05, 0.9).calibrate(np.arange(45.0), good(45))
    assert (enough.promised_rate, enough.warnings) == (0.05, ())


@pytest.mark.parametrize("confidence", [-0.1, 1.0, 2, True, float("nan"), "x"])
def test_a_confidence_out_of_bounds_is_refused(confidence: float) -> None:
    with pytest.raises(AdshiftError, match=r"threshold\.confidence=.*must be in \[0, 1\)"):
        Conformal(0.05, confidence)


def test_groups_of_another_length_are_refused() -> None:
    with pytest.raises(AdshiftError, match=r"groups of shape \(3,\) do not fit 4 scores"):
        Conformal().calibrate(np.arange(4.0), good(4), np.arange(3))


def test_the_fits_to_scores_take_one_picture_a_group() -> None:
    rng = np.random.default_rng(1)
    group_N = np.arange(300) // 3
    score_N = rng.normal(size=100)[group_N] + 0.1 * rng.normal(size=300)
    normals = normals_in_groups(score_N, good(300), group_N)
    for rule in (EVT(0.05), Sigma()):
        found = rule.calibrate(score_N, good(300), group_N)
        assert found.parameters["groups"] == 100
        single = rule.calibrate(normals.one_a_group(0), good(100))
        assert (found.threshold, found.n) == (single.threshold, single.n)


def test_a_cross_fitted_threshold_counts_groups_in_its_worst_case() -> None:
    score_N = np.random.default_rng(0).normal(size=100)
    found = crossfit_calibration(Conformal(0.1), score_N, 5, np.arange(100) // 5)
    assert found.parameters["groups"] == 20
    assert "the worst case is 0.325" in found.warnings[-1]


def test_p_values_over_groups_agree_with_the_threshold() -> None:
    rng = np.random.default_rng(2)
    score_N, group_N = rng.normal(size=60), rng.integers(0, 25, 60)
    order = np.argsort(score_N)
    threshold = Conformal(0.2).calibrate(score_N, good(60), group_N).threshold
    new_M = rng.normal(size=500)
    p_M = conformal_p_values(new_M, score_N[order], group_N[order])
    assert ((p_M <= 0.2) == (new_M >= threshold)).all()
    assert p_M.min() >= 1 / (len(set(group_N.tolist())) + 1)
