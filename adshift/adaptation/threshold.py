"""A new threshold: the model stays, the calibration images are taken in the target domain."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adshift.adaptation.recipe import Recipe


@dataclass(frozen=True)
class ThresholdAdaptation:
    """The cheapest repair: no fit, only scores of calibration images from the target domain."""

    name: str = "threshold"
    refits: bool = False

    def applied(self, recipe: Recipe) -> Recipe:
        """Calibration from the target."""
        return replace(recipe, calibration=(recipe.test,))
