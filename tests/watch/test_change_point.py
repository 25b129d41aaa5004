"""Where a change began, told from ranks alone."""

from __future__ import annotations

import numpy as np
import pytest

from adshift.watch.change_point import SHORTEST, change_point


@pytest.mark.parametrize("tail", [8, 18, 60])
@pytest.mark.parametrize("shift", [-3.0, 3.0])
def test_a_change_near_the_end_is_found_where_it_is(tail: int, shift: float) -> None:
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found.append(change_point(np.r_[rng.normal(size=60), rng.normal(size=tail) + shift].tolist()) - 60)
    assert abs(np.median(found)) <= 1
    assert np.quantile(np.abs(found), 0.9) <= 5


def test_few_or_equal_numbers_have_an_answer() -> None:
    assert change_point([]) == change_point([1.0] * (2 * SHORTEST - 1)) == 0
    assert SHORTEST <= change_point([1.0] * 40) <= 40 - SHORTEST
