"""No adaptation: fitted and calibrated in the source domain, tested in the target domain."""

from __future__ import annotations

from dataclasses import dataclass

from adshift.adaptation.roles import RoleDomains
from adshift.shift.domain import Domain


@dataclass(frozen=True)
class NoAdaptation:
    """What happens on the day the lamp changes."""

    name: str = "none"
    refits: bool = False

    def domains(self, source: Domain, target: Domain) -> RoleDomains:
        """Train and calibration from ``source``, test from ``target``."""
        return RoleDomains(train=source, calibration=source, test=target)
