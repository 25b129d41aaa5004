"""The bet: the reference implementation's figures, the martingale property, and a change that comes late."""

from __future__ import annotations

import itertools
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from adshift.drift.jumper import Jumper, waiting

SHARED = Path(os.environ.get("ADSHIFT_SHARED", Path(__file__).resolve().parents[3] / "shared"))


def after(p_values: list[float], later: float) -> Jumper:
    jumper = Jumper(later=later)
    for p in p_values:
        jumper.update(p)
    return jumper


def test_the_plain_jumper_is_nonconforms() -> None:
    file = SHARED / "drift_reference.json"
    if not file.is_file():
        pytest.skip(f"{file} is not there")
    reference = json.loads(file.read_text())
    jumper, found = Jumper(later=0.0), []
    for p in reference["p"]:
        jumper.update(p)
        found.append(jumper.log_capital)
    assert found == pytest.approx(reference["log_martingale"], abs=1e-8)


@pytest.mark.parametrize("later", [0.0, 0.5])
def test_the_capital_is_a_martingale(later: float) -> None:
    """Over all p-values of a grid with mean 1/2 its mean stays 1, whatever came before."""
    for past in ([], [0.1, 0.9, 0.2], [0.01] * 30):
        before = math.exp(after(past, later).log_capital)
        grid = [(i + 0.5) / 40 for i in range(40)]
        two = [math.exp(after([*past, a, b], later).log_capital) for a, b in itertools.product(grid, grid)]
        assert np.mean(two) == pytest.approx(before, rel=1e-9)


def test_what_waits_and_what_was_put_in_is_all_there_is() -> None:
    """With p-values of 1/2, which no bet wins or loses on, the capital stays 1."""
    jumper = after([0.5] * 5000, 0.5)
    assert jumper.log_capital == pytest.approx(0.0, abs=1e-9)
    assert math.exp(jumper.log_bet) == pytest.approx(1.0 - waiting(0.5, 4999))


def test_small_and_large_p_values_both_call() -> None:
    assert after([0.05] * 30, 0.5).log_capital > 4.0
    assert after([0.95] * 30, 0.5).log_capital == pytest.approx(after([0.05] * 30, 0.5).log_capital)


def test_a_late_change_is_seen_sooner_than_by_the_plain_jumper() -> None:
    rng = np.random.default_rng(0)
    quiet = rng.random(20_000).tolist()

    def until(later: float) -> int:
        jumper = after(quiet, later)
        return next(i for i in itertools.count(1) if jumper.update(0.1) or jumper.log_capital > 5.0)

    assert until(0.5) < until(0.0) / 3


def test_nothing_overflows_after_an_alarm() -> None:
    jumper = after([0.001] * 20_000, 0.5)
    assert math.isfinite(jumper.log_capital)
    assert jumper.log_capital > 1000
    assert sum(jumper.shares) == pytest.approx(1.0)


def test_it_goes_on_where_it_was() -> None:
    rng = np.random.default_rng(1)
    drawn = rng.random(200).tolist()
    whole, cut = after(drawn, 0.5), after(drawn[:77], 0.5)
    cut = Jumper(cut.later, cut.log_bet, cut.shares, cut.steps)
    for p in drawn[77:]:
        cut.update(p)
    assert (cut.log_bet, cut.shares, cut.steps) == (whole.log_bet, whole.shares, whole.steps)
