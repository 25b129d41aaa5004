"""Which way a few pictures show to be better: against brute force, and how often chance alone is taken for a gain."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from adshift.repairs.shown import auroc_without, paired, shown, to_take


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


def shifted(score_NJ: np.ndarray, by: float) -> np.ndarray:
    """The same with defects that are told more easily."""
    moved = score_NJ.copy()
    moved[:, 1:] += by
    return moved


def test_the_customary_repair_is_taken_where_nothing_is_shown() -> None:
    customary, fold_N = scores(3, 16), np.arange(16) % 8
    noise = np.random.default_rng(0).normal(size=(3, *customary.shape))
    assert to_take([customary, *(customary + noise)], fold_N) == 0
    assert to_take([customary, shifted(customary, -3.0), customary.copy(), 2 * customary + 1], fold_N) == 0
    two = np.array([0] * 8 + [1] * 8)
    assert to_take([customary, customary.copy(), shifted(customary, 9.0)], two) == 0  # two folds show nothing


def test_no_repair_is_taken_where_it_is_shown_to_be_as_good() -> None:
    customary, fold_N = scores(5, 32, gap=0.0), np.arange(32) % 8
    for nothing in (customary.copy(), 2 * customary + 1, shifted(customary, 3.0)):
        assert to_take([customary, nothing], fold_N) == 1
    assert to_take([customary, shifted(customary, -3.0)], fold_N) == 0


def test_another_is_taken_where_it_is_shown_to_be_better_than_what_was_taken_so_far() -> None:
    customary, fold_N = scores(4, 32, gap=-1.0), np.arange(32) % 8
    better, best = shifted(customary, 2.5), shifted(customary, 20.0)
    worse = shifted(customary, -2.0)
    assert to_take([customary, worse, better, 3 * better], fold_N) == 2
    assert to_take([customary, worse, better, best], fold_N) == 3
    assert to_take([customary, best, better], fold_N) == 1
    assert [one.gain.above for one in shown([customary, worse, better, best], fold_N)] == [False, False, True, True]
    assert shown([customary, worse], fold_N)[1].gain.below


def test_chance_seldom_takes_the_customary_repairs_place() -> None:
    """No repair and three ways that change nothing but noise; taken is what is shown with all folds and without each."""
    others, fold_N = 0, np.arange(8)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        common = scores(seed)
        ways = [common, *(common + 0.5 * rng.normal(size=common.shape) for _ in range(4))]
        found = {to_take([way[fold_N != f] for way in ways], fold_N[fold_N != f]) for f in range(8)}
        others += found == {to_take(ways, fold_N)} != {0}
    assert others <= stats.binom.ppf(0.99, 200, 0.05)
