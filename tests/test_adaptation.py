"""The regimes: which domain each role is drawn from (design 4.3)."""

from __future__ import annotations

import pytest

from adshift.adaptation.full import FullAdaptation
from adshift.adaptation.none import NoAdaptation
from adshift.adaptation.roles import Regime
from adshift.adaptation.threshold import ThresholdAdaptation
from adshift.shift.domain import Domain

CLEAN, SHIFT = Domain(), Domain("shift", True, True, True)


@pytest.mark.parametrize(
    ("regime", "expected", "refits"),
    [
        (NoAdaptation(), (CLEAN, CLEAN, SHIFT), False),
        (ThresholdAdaptation(), (CLEAN, SHIFT, SHIFT), False),
        (FullAdaptation(), (SHIFT, SHIFT, SHIFT), True),
    ],
)
def test_roles_of_each_regime(regime: Regime, expected: tuple[Domain, Domain, Domain], refits: bool) -> None:
    domains = regime.domains(CLEAN, SHIFT)
    assert (domains.of("train"), domains.of("calibration"), domains.of("test")) == expected
    assert regime.refits is refits
