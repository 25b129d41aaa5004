"""The regimes: which domains each role is drawn from, and how regimes compose."""

from __future__ import annotations

from typing import Any

import pytest

from adshift.adaptation.combined import CombinedAdaptation
from adshift.adaptation.full import FullAdaptation
from adshift.adaptation.none import NoAdaptation
from adshift.adaptation.recipe import described, unadapted
from adshift.adaptation.regime import Regime
from adshift.adaptation.robust import RobustAdaptation
from adshift.adaptation.threshold import ThresholdAdaptation
from adshift.errors import AdshiftError
from adshift.shift.copies import copy_seed
from adshift.shift.domain import Domain

CLEAN, SHIFT = Domain(), Domain("shift", True, True, True)
START = unadapted((CLEAN,), SHIFT)


@pytest.mark.parametrize(
    ("regime", "expected", "refits"),
    [
        (NoAdaptation(), (CLEAN, CLEAN, SHIFT), False),
        (ThresholdAdaptation(), (CLEAN, SHIFT, SHIFT), False),
        (FullAdaptation(), (SHIFT, SHIFT, SHIFT), True),
    ],
)
def test_roles_of_each_regime(regime: Regime, expected: tuple[Domain, Domain, Domain], refits: bool) -> None:
    recipe = regime.applied(START)
    assert (recipe.of("train"), recipe.of("calibration"), recipe.of("test")) == tuple((d,) for d in expected)
    assert regime.refits is refits


def test_robust_adds_copies_that_are_never_the_target() -> None:
    recipe = RobustAdaptation(copies=3).applied(START)
    assert recipe.train == recipe.calibration
    assert (recipe.train[0], recipe.test) == (CLEAN, SHIFT)
    assert [d.seed for d in recipe.train[1:]] == [-1, -2, -3]
    assert all(d.geometric and d.illumination and d.photometric and d.severity == 1 for d in recipe.train[1:])
    seeds = [copy_seed(seed, copy) for seed in range(3) for copy in range(1000)]
    assert len(set(seeds)) == 3000
    assert max(seeds) < 0
    with pytest.raises(AdshiftError, match=r"domain\.seed=-2 must be >= 0 beside simulated copies"):
        RobustAdaptation(copies=3).applied(unadapted((CLEAN,), Domain("shift", True, seed=-2)))


def test_robust_knows_only_the_families_it_may() -> None:
    (copy,) = RobustAdaptation(copies=1, components=["photometric"], severity=0.5).applied(START).train[1:]
    assert (copy.geometric, copy.illumination, copy.photometric, copy.severity) == (False, False, True, 0.5)


def test_no_copies_are_no_adaptation() -> None:
    assert RobustAdaptation(copies=0).applied(START) == START


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"copies": -1}, r"robust\.copies=-1 must be in \[0, 1000\]"),
        ({"copies": 1001}, r"robust\.copies=1001"),
        ({"copies": 1, "components": []}, r"robust\.components=\[\] must be one or more of: geometric"),
        ({"copies": 1, "components": "photometric"}, r"robust\.components=photometric must"),
        ({"copies": 1, "components": ["colour"]}, r"robust\.components=\['colour'\] must"),
        ({"copies": 1, "severity": float("nan")}, r"robust\.severity=nan must be a finite number"),
        ({"copies": 1, "seed": -1}, r"robust\.seed=-1 must be >= 0"),
    ],
)
def test_robust_checks_its_bounds(values: dict[str, Any], message: str) -> None:
    with pytest.raises(AdshiftError, match=message):
        RobustAdaptation(**values)


def test_regimes_compose_in_order() -> None:
    both = CombinedAdaptation((RobustAdaptation(copies=2), ThresholdAdaptation()))
    recipe = both.applied(START)
    assert (len(recipe.train), recipe.calibration) == (3, (SHIFT,))
    assert (both.name, both.refits) == ("robust_threshold", False)
    assert CombinedAdaptation((FullAdaptation(), NoAdaptation())).refits
    with pytest.raises(AdshiftError, match=r"adaptation\.parts=\[\] must name at least 1 regime"):
        CombinedAdaptation(())


def test_domains_are_described_for_the_calibration_file() -> None:
    assert described((SHIFT,))["name"] == "shift"
    assert "and" not in described((SHIFT,))
    assert [d["name"] for d in described((CLEAN, SHIFT))["and"]] == ["shift"]
