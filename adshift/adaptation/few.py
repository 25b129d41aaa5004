"""A few normals of the target domain: the fitted model is extended by them, not fitted again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adshift.adaptation.few_images import FewImages
from adshift.adaptation.recipe import Recipe


@dataclass(frozen=True)
class FewAdaptation(FewImages):
    """The repair of ``FewImages``, with the threshold from the same images."""

    name: str = "few"
    refits: bool = False

    def applied(self, recipe: Recipe) -> Recipe:
        """The model repaired, the threshold from the same images."""
        return replace(recipe, few=self, calibration=(recipe.test,))
