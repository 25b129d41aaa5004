"""One part of every series counts: each as likely as the other, once the series has ended; the promise holds again."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from adshift.drift.evidence import Evidence, Stream
from adshift.drift.pool import Pool


def test_parts_by_themselves_count_at_once() -> None:
    pool = Pool(0)
    assert [pool.take(i, "", (float(i),)) for i in (1, 2)] == [[(1, (1.0,))], [(2, (2.0,))]]


def test_one_part_of_a_series_counts_when_the_next_begins() -> None:
    pool = Pool(0)
    assert [pool.take(i, "a", (float(i),)) for i in (1, 2, 3)] == [[], [], []]
    ((number, values),) = pool.take(4, "b", (4.0,))
    assert number in (1, 2, 3)
    assert values == (float(number),)
    assert pool.take(5, "", (5.0,)) == [(4, (4.0,)), (5, (5.0,))]
    assert pool.take(6, "a", (6.0,)) == []  # a series of the same name later is another one


def test_every_part_of_a_series_is_as_likely() -> None:
    drawn: Counter[int] = Counter()
    for seed in range(3000):
        pool = Pool(seed)
        for i in range(1, 5):
            pool.take(i, "a", (0.0,))
        ((number, _),) = pool.take(5, "b", (0.0,))
        drawn[number] += 1
    assert sorted(drawn) == [1, 2, 3, 4]
    assert all(abs(count - 750) < 4 * math.sqrt(750 * 0.75) for count in drawn.values())


def test_series_that_do_not_drift_raise_no_alarm_beyond_delta() -> None:
    """Series of 10 alike parts: taken one by one they alarm nearly always, drawn one a series at most with delta."""
    alarms = Counter[str]()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        single, pooled = (Evidence((Stream("score", 1.0),), 0.05, seed) for _ in range(2))
        known = rng.normal(size=40).tolist()
        single.learn(0, known)
        pooled.learn(0, known)
        pool, called = Pool(seed), set()
        for i in range(1, 601):
            if i % 10 == 1:
                level = rng.normal()
            score = 0.95 * level + 0.3 * rng.normal()
            single.update(i, (score,))
            for number, values in pool.take(i, str(i // 10 * 10 if i % 10 else i - 10), (score,)):
                pooled.update(number, values)
            called |= {name for name, e in (("single", single), ("pooled", pooled)) if e.over()}
        alarms.update(called)
    assert alarms["single"] > 30
    assert alarms["pooled"] <= 8  # 3 are expected at most
