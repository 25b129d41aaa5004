"""A new fit: train and calibration images are taken in the target domain."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adshift.adaptation.recipe import Recipe


@dataclass(frozen=True)
class FullAdaptation:
    """The dearest repair: a new train set, a new model, a new threshold."""

    name: str = "full"
    refits: bool = True

    def applied(self, recipe: Recipe) -> Recipe:
        """Every role from the target."""
        return replace(recipe, train=(recipe.test,), calibration=(recipe.test,))
