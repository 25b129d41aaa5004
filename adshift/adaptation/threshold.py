"""A new threshold: the model stays, the calibration images are taken in the target domain."""

from __future__ import annotations

from dataclasses import dataclass

from adshift.adaptation.roles import RoleDomains
from adshift.shift.domain import Domain


@dataclass(frozen=True)
class ThresholdAdaptation:
    """The cheapest repair: no fit, only scores of calibration images from the target domain."""

    name: str = "threshold"
    refits: bool = False

    def domains(self, source: Domain, target: Domain) -> RoleDomains:
        """Train from ``source``, calibration and test from ``target``."""
        return RoleDomains(train=source, calibration=target, test=target)
