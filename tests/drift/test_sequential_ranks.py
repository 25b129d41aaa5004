"""Ranks of a stream: their definition, ties, memory, and the uniform p-values that all else rests on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from adshift.drift.ranks import Ranks, key_of, uniform

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(FINITE, FINITE)
def test_keys_keep_the_order(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert 0 <= key_of(low) <= key_of(high) < 1 << 24


@pytest.mark.parametrize("value", [1.0, 123.4, 1e-30, -7.0, 3e38])
def test_keys_tell_apart_what_differs_by_a_two_thousandth(value: float) -> None:
    assert key_of(value) != key_of(value * 1.0005)


def test_p_values_are_the_definition() -> None:
    rng = np.random.default_rng(0)
    values = (rng.integers(1, 12, 300) / 8.0).tolist()  # many ties, all of them exact keys
    ranks = Ranks()
    for n, value in enumerate(values):
        u = float(rng.random())
        above, equal = sum(v > value for v in values[:n]), values[:n].count(value)
        assert ranks.p_value(value, u) == pytest.approx((above + u * (equal + 1)) / (n + 1), abs=1e-12)
        ranks.add(value)
    assert ranks.count == 300
    again = Ranks.of_counts(ranks.counts())
    assert [again.p_value(v, 0.3) for v in values] == [ranks.p_value(v, 0.3) for v in values]


@pytest.mark.parametrize("distribution", ["normal", "tied", "constant", "heavy"])
def test_p_values_of_an_exchangeable_stream_are_uniform_and_independent(distribution: str) -> None:
    rng = np.random.default_rng(3)
    drawn = {
        "normal": rng.normal(5, 1, 4000), "tied": rng.integers(0, 3, 4000) * 1.0, "constant": np.full(4000, 7.0),
        "heavy": rng.standard_cauchy(4000),
    }[distribution]  # fmt: skip
    ranks, found = Ranks(), []
    for number, value in enumerate(drawn.tolist()):
        found.append(ranks.p_value(value, uniform(1, 0, number)))
        ranks.add(value)
    assert kstest(found, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 0.06


def test_memory_does_not_grow_with_the_stream() -> None:
    rng = np.random.default_rng(0)
    ranks = Ranks(rng.normal(10, 1, 1000).tolist())
    for value in rng.normal(10, 1, 30_000).tolist():
        ranks.add(value)
    assert len(list(ranks.counts())) < 4096  # an octave's worth
    assert ranks.count == 31_000


def test_tie_breaks_are_uniform_and_of_their_own() -> None:
    drawn = [uniform(seed, stream, number) for seed in (0, 1) for stream in (0, 5) for number in range(500)]
    assert len(set(drawn)) == len(drawn)
    assert min(drawn) >= 0.0
    assert max(drawn) < 1.0
    assert kstest(drawn, "uniform").pvalue > 0.001
    assert uniform(0, 0, 1) == uniform(0, 0, 1)
