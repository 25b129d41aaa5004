"""Which domain each role's images are drawn from: what a regime decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from adshift.data.splits import Role
from adshift.shift.domain import Domain


@dataclass(frozen=True)
class RoleDomains:
    """The domain of each role."""

    train: Domain
    calibration: Domain
    test: Domain

    def of(self, role: Role) -> Domain:
        """The domain of one role."""
        return {"train": self.train, "calibration": self.calibration, "test": self.test}[role]


class Regime(Protocol):
    """An adaptation regime (design 4.3).

    ``refits`` says whether it needs a new fit when the target domain changes; then it cannot be applied to a finished
    run.
    """

    name: str
    refits: bool

    def domains(self, source: Domain, target: Domain) -> RoleDomains:
        """The domain of each role, for a model born in ``source`` and tested in ``target``."""
        ...
