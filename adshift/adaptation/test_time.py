"""At test time, without labels: a batch's features brought to the train images' statistics; several views of an image."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adshift.adaptation.recipe import Recipe
from adshift.adaptation.score_rule import ScoreRule


@dataclass(frozen=True)
class TestTimeAdaptation(ScoreRule):
    """The same model and images, scored as ``ScoreRule`` says."""

    __test__ = False  # no test class, whatever pytest makes of its name

    name: str = "test_time"
    refits: bool = False

    def applied(self, recipe: Recipe) -> Recipe:
        """The same model and images, scored in this way."""
        return replace(recipe, test_time=self)
