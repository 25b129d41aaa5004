"""No adaptation: fitted and calibrated in the source domain, tested in the target domain."""

from __future__ import annotations

from dataclasses import dataclass

from adshift.adaptation.recipe import Recipe


@dataclass(frozen=True)
class NoAdaptation:
    """What happens on the day the lamp changes."""

    name: str = "none"
    refits: bool = False

    def applied(self, recipe: Recipe) -> Recipe:
        """The recipe as it is."""
        return recipe
