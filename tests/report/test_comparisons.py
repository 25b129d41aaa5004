"""P-values in tables: beside each plain one Holm's, over the family that the caption counts."""

from __future__ import annotations

import pytest

from adshift.metrics.resampling import Difference
from adshift.report.comparisons import UNDEFINED, explained, family, p_values, titles, written


def found(p: float, resamples: int = 1000) -> Difference:
    return Difference(0.1, (0.05, 0.15), p, resamples)


def test_a_difference_becomes_three_columns_and_what_was_not_tested_counts_in_no_family() -> None:
    rows = [("a", found(0.01), "x"), ("b", UNDEFINED, "y"), ("c", found(0.04), "z"), ("d", found(0.03), "z")]
    assert written(rows) == (
        ("a", "+10.0 [+5.0, +15.0]", "0.010", "0.030", "x"),
        ("b", "–", "–", "–", "y"),
        ("c", "+10.0 [+5.0, +15.0]", "0.040", "0.060", "z"),
        ("d", "+10.0 [+5.0, +15.0]", "0.030", "0.060", "z"),
    )
    assert explained(rows).endswith("Holm's correction over the 3 comparisons of this table")
    assert titles("recall") == ("recall", "recall, p", "recall, p (Holm)")
    assert p_values([Difference(0.1, None, None)], "-") == [("-", "-")]


@pytest.mark.parametrize(
    ("n", "resamples", "least"), [(25, 1000, ""), (26, 1000, "0.052"), (6, 40, "0.293"), (99, 40, "1.000")]
)
def test_a_caption_says_where_no_corrected_p_could_be_small(n: int, resamples: int, least: str) -> None:
    """Of B resamples none is below 2 / (B + 1): 25 x 2 / 1001 = 0.04995."""
    said = family([found(0.5, resamples)] * n)
    assert said == f"the {n} comparisons of this table" + (
        f" (never below {least} with {resamples} resamples)" if least else ""
    )
    assert family([found(0.5)]) == "the 1 comparison of this table"
    assert family([]) == "the 0 comparisons of this table"
