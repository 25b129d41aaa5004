"""The real domains that a data set tells by name: lights, lamps, kinds of material."""

from __future__ import annotations

from dataclasses import dataclass

from adshift.errors import AdshiftError
from adshift.shift.real import Real

ALL = "all"


@dataclass(frozen=True)
class Named(Real):
    """Those images of a data set that were taken in one of its domains.

    ``name`` is what the data set calls it (``poly``, ``shift_1``, ``lamp_b``), or ``all`` for every one of them.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.chosen:
            raise AdshiftError("domain.name= names no domain of the data set; give one: domain=NAME")

    @property
    def chosen(self) -> str:
        """What the data set calls it, or ``all``."""
        return self.name
