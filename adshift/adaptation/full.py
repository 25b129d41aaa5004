"""A new fit: train and calibration images are taken in the target domain."""

from __future__ import annotations

from dataclasses import dataclass

from adshift.adaptation.roles import RoleDomains
from adshift.shift.domain import Domain


@dataclass(frozen=True)
class FullAdaptation:
    """The dearest repair: a new train set, a new model, a new threshold."""

    name: str = "full"
    refits: bool = True

    def domains(self, source: Domain, target: Domain) -> RoleDomains:
        """Every role from ``target``."""
        return RoleDomains(train=target, calibration=target, test=target)
