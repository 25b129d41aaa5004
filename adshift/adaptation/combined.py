"""Several regimes, one after another."""

from __future__ import annotations

from dataclasses import dataclass

from adshift.adaptation.recipe import Recipe
from adshift.adaptation.regime import Regime
from adshift.errors import AdshiftError


@dataclass(frozen=True)
class CombinedAdaptation:
    """Each regime changes what the one before it left.

    Attributes:
        parts: at least one, in the order in which they act.
    """

    parts: tuple[Regime, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise AdshiftError("adaptation.parts=[] must name at least 1 regime; adaptation=none changes nothing")

    @property
    def name(self) -> str:
        """The parts' names, joined by ``_``."""
        return "_".join(part.name for part in self.parts)

    @property
    def refits(self) -> bool:
        """Whether any part needs a new fit."""
        return any(part.refits for part in self.parts)

    def applied(self, recipe: Recipe) -> Recipe:
        """All parts, in order."""
        for part in self.parts:
            recipe = part.applied(recipe)
        return recipe
