"""Normalise: what the shift did to an image is undone before the features, towards what the train images look like."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adshift.adaptation.recipe import Recipe
from adshift.correction.normalisation import NormalisationRule, Steps


@dataclass(frozen=True)
class NormaliseAdaptation:
    """Every image of every role goes through the same steps, whose statistics come from the clean train images alone.

    It takes no target image. A registered image takes its mask with it: pixel figures are then in the registered frame.

    Attributes:
        flatten: divide out what the light differs from the train set's by.
        standardise: bring contrast, brightness and colour strength to the train set's.
        denoise: smooth down to the train set's noise.
        register: bring an object back to where the train images have it.
    """

    flatten: bool = True
    standardise: bool = True
    denoise: bool = True
    register: bool = True
    name: str = "normalise"
    refits: bool = False

    def applied(self, recipe: Recipe) -> Recipe:
        """The recipe with the correction."""
        steps = Steps(self.flatten, self.standardise, self.denoise, self.register)
        return replace(recipe, correction=NormalisationRule(steps))
