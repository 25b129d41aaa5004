"""The lights of MVTec AD 2 under a key of their own: ``domain=lighting domain.lighting=shift_1`` is ``domain=shift_1``."""

from __future__ import annotations

from dataclasses import dataclass

from adshift.shift.named import Named

REGULAR = "regular"


@dataclass(frozen=True)
class Lighting(Named):
    """The light that images were taken in.

    Attributes:
        lighting: ``regular``, ``overexposed``, ``underexposed``, ``shift_1``, ... as the files are named, or ``all``.
    """

    lighting: str = REGULAR

    @property
    def chosen(self) -> str:
        """The light."""
        return self.lighting

    @property
    def told(self) -> str:
        """As ``Real.told``."""
        return f"domain.lighting={self.lighting}"
