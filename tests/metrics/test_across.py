"""Means over test sets: the relative drop against the formula written out, ranks against counting, balanced accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from adshift.errors import AdshiftError
from adshift.metrics.across import mean_ranks, relative_drop
from adshift.metrics.balanced import BALANCED, with_balanced_accuracy
from adshift.metrics.resampling import Difference
from adshift.metrics.summary import FIGURES, Figures


def made(value: float | None, drawn: Sequence[float] = (), images: str = "x", **others: float | None) -> Figures:
    """The figures of a test set: ``image_auroc`` with its replicates, others without."""
    replicates = {"image_auroc": np.array(drawn)} if len(drawn) else {}
    return Figures(dict.fromkeys(FIGURES) | {"image_auroc": value} | others, [], replicates, images)


def test_the_relative_drop_is_the_mean_of_each_sets_own_and_its_replicates_move_together() -> None:
    clean_B, shifted_B = (np.random.default_rng(i).uniform(0.5, 1, 200) for i in (0, 1))
    pairs = [(made(0.8, clean_B), made(0.6, shifted_B)), (made(0.5, shifted_B), made(0.6, clean_B))]
    found = relative_drop(pairs, "image_auroc")
    assert found.n == 2
    assert found.value == pytest.approx((0.25 - 0.2) / 2)
    by_hand = ((clean_B - shifted_B) / clean_B + (shifted_B - clean_B) / shifted_B) / 2
    assert found.interval == pytest.approx(np.quantile(by_hand, [0.025, 0.975]))


def test_a_set_without_a_figure_or_with_a_clean_one_of_0_has_no_relative_drop() -> None:
    pairs = [(made(0.8), made(0.4)), (made(0.0), made(0.4)), (made(None), made(0.4)), (made(0.4), made(None))]
    found = relative_drop(pairs, "image_auroc")
    assert (found.value, found.interval, found.n) == (0.5, None, 1)
    assert relative_drop(pairs[1:], "image_auroc").value is None
    assert relative_drop([(made(0.8), made(0.0))], "image_auroc").value == 1.0


def test_there_is_an_interval_only_where_every_set_has_equally_many_replicates() -> None:
    whole, short, bare = (made(0.8, [0.8] * 4), made(0.4, [0.4] * 4)), (made(0.8, [0.8]), made(0.4, [0.4])), None
    assert relative_drop([whole, whole], "image_auroc").interval == pytest.approx((0.5, 0.5))
    assert relative_drop([whole, short], "image_auroc").interval is None
    bare = (made(0.8), made(0.4))
    assert relative_drop([whole, bare], "image_auroc").interval is None
    undefined = (made(0.8, [0.0, 0.0, 0.0, 0.8]), made(0.4, [0.4] * 4))  # three of four resamples say nothing
    assert relative_drop([undefined], "image_auroc").interval is None
    with pytest.raises(AdshiftError, match="compare runs on the same images"):
        relative_drop([(made(0.8, images="a"), made(0.4, images="b"))], "image_auroc")


def test_mean_ranks_count_those_above_and_half_of_the_equal_ones() -> None:
    values_NK = np.random.default_rng(0).integers(0, 4, (30, 5)) / 4
    by_hand = [
        np.mean([1 + (row > row[k]).sum() + ((row == row[k]).sum() - 1) / 2 for row in values_NK]) for k in range(5)
    ]
    assert mean_ranks(values_NK) == pytest.approx(by_hand)
    assert sum(mean_ranks(values_NK)) == pytest.approx(15)


def test_balanced_accuracy_counts_good_and_defective_alike() -> None:
    figures = with_balanced_accuracy(made(0.9, recall=0.8, false_alarm_rate=0.3))
    assert figures.point(BALANCED) == pytest.approx(0.75)
    assert BALANCED not in figures.replicates
    drawn = {"recall": np.array([0.8, 1.0]), "false_alarm_rate": np.array([0.0, 0.5])}
    figures = with_balanced_accuracy(Figures(dict.fromkeys(FIGURES) | {"recall": 0.8}, [], drawn))
    assert figures.values[BALANCED] is None
    assert figures.replicates[BALANCED].tolist() == pytest.approx([0.9, 0.75])


def test_a_difference_turned_round() -> None:
    turned = -Difference(0.2, (0.1, 0.4), 0.01, 99)
    assert (turned.estimate, turned.interval, turned.p_value, turned.least_p) == (-0.2, (-0.4, -0.1), 0.01, 0.02)
    assert (-Difference(None, None, None)).interval is None
