"""Which way a few pictures show to be better: against brute force, and how often chance alone is taken for a gain."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from adshift.repairs.shown import auroc_without, best_shown, paired, shown


def scores(seed: int, n: int = 8, gap: float = 1.0, pasted: int = 3) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(n, 1 + pasted))
    drawn[:, 1:] += gap
    return drawn


def by_hand(score_NJ: np.ndarray) -> float:
    pairs = list(itertools.product(score_NJ[:, 0], score_NJ[:, 1:].ravel()))
    return sum((bad > good) + 0.5 * (bad == good) for good, bad in pairs) / len(pairs)


def test_the_auroc_without_each_fold_is_that_of_the_rest() -> None:
    score_NJ, fold_N = scores(0, 7).round(1), np.array([0, 0, 1, 2, 2, 2, 3])
    whole, left_F = auroc_without(score_NJ, fold_N)
    assert whole == pytest.approx(by_hand(score_NJ))
    np.testing.assert_allclose(left_F, [by_hand(score_NJ[fold_N != f]) for f in range(4)])


def test_the_interval_is_students_over_the_jackknifes_pseudo_values() -> None:
    a, b, fold_N = scores(1), scores(2), np.arange(8)
    found = paired(a, b, fold_N)
    whole = by_hand(a) - by_hand(b)
    left = [by_hand(np.delete(a, f, 0)) - by_hand(np.delete(b, f, 0)) for f in range(8)]
    pseudo = np.array([8 * whole - 7 * one for one in left])
    reach = stats.t.ppf(0.9, 7) * pseudo.std(ddof=1) / np.sqrt(8)
    assert found.estimate == pytest.approx(whole)
    assert found.interval == pytest.approx((whole - reach, whole + reach))


def test_what_cannot_be_told_apart_stays_as_it_is() -> None:
    old = scores(3)
    assert best_shown([old, old.copy(), 2 * old + 1], np.arange(8)) == 0
    assert best_shown([old, old + np.array([-9.0, 0, 0, 0])], np.array([0] * 4 + [1] * 4)) == 0  # two folds: never


def test_of_gains_that_are_alike_the_smallest_change_is_taken_and_a_larger_one_where_it_gains_more() -> None:
    old = scores(4, 32, gap=-1.0)
    better, best = old.copy(), old.copy()
    better[:, 1:] += 2.5
    best[:, 1:] += 20.0
    fold_N = np.arange(32) % 8
    assert best_shown([old, better, 3 * better], fold_N) == 1
    assert best_shown([old, better, best], fold_N) == 2
    assert [one.gain.above for one in shown([old, better, best], fold_N)] == [False, True, True]


def test_chance_is_seldom_taken_for_a_gain() -> None:
    """Five ways that change nothing but noise; taken is what is shown with all folds and without each."""
    taken, fold_N = 0, np.arange(8)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        common = scores(seed)
        ways = [common, *(common + 0.5 * rng.normal(size=common.shape) for _ in range(5))]
        taken += best_shown(ways, fold_N) > 0 and all(
            best_shown([way[fold_N != f] for way in ways], fold_N[fold_N != f]) > 0 for f in range(8)
        )
    assert taken <= stats.binom.ppf(0.99, 200, 0.03)
