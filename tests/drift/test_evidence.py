"""Several streams together: the promise of the alarm, what a gap says, and going on after a restart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adshift.calibration.binomial import binomial_interval
from adshift.drift.evidence import Evidence, Stream

STREAMS = (Stream("score", 0.5), Stream("light", 0.25), Stream("colour", 0.25))


def run(seed: int, parts: int, shift: float = 0.0, stream: int = 1, before: int = 100) -> int | None:
    rng = np.random.default_rng(seed)
    evidence = Evidence(STREAMS, 0.05, seed)
    for i in range(3):
        evidence.learn(i, rng.normal(size=40).tolist())
    value_NS = rng.normal(size=(parts, 3)) + rng.normal(size=(parts, 1))  # the streams have to do with each other
    value_NS[before:, stream] += shift
    for number, values in enumerate(value_NS.tolist()):
        evidence.update(number, values)
        if evidence.over():
            assert shift == 0.0 or evidence.over()[0] == stream or number < before
            return number
    return None


def test_all_streams_together_keep_the_promise() -> None:
    called = sum(run(seed, 300) is not None for seed in range(150))
    assert binomial_interval(called, 150)[0] <= 0.05


def test_a_shift_of_one_stream_calls_with_its_name() -> None:
    found = [run(1000 + seed, 400, shift=3.0) for seed in range(5)]
    assert all(at is not None and 100 < at < 180 for at in found)


def test_a_missing_number_says_nothing_of_its_stream() -> None:
    evidence = Evidence(STREAMS, 0.01)
    for i in range(3):
        evidence.learn(i, [1.0, 2.0, math.nan, math.inf])
    joined = evidence.update(1, (1.5, math.nan, math.inf))
    assert set(joined) == {0}
    assert [jumper.steps for jumper in evidence.jumpers] == [1, 0, 0]
    assert [ranks.count for ranks in evidence.ranks] == [3, 2, 2]


def test_the_limit_is_the_weighted_one() -> None:
    evidence = Evidence(STREAMS, 0.01)
    assert evidence.limit == pytest.approx(math.log(100))
    assert evidence.levels() == pytest.approx([math.log(w) for w in (0.5, 0.25, 0.25)])
    evidence.jumpers[1].log_bet = math.log(100 / 0.25) + 0.01
    assert evidence.over() == (1,)


def test_the_order_of_two_watches_does_not_matter_to_their_tie_breaks() -> None:
    one, other = Evidence(STREAMS, 0.01, 7), Evidence(STREAMS, 0.01, 7)
    for number in range(50):
        one.update(number, (1.0, 1.0, 1.0))
    for number in range(50):
        other.update(number, (1.0, 1.0, 1.0))
    assert one.levels() == other.levels()
    assert len(set(one.levels())) == 3  # each stream draws its own
