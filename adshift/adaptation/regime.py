"""What an adaptation regime is."""

from __future__ import annotations

from typing import Protocol

from adshift.adaptation.recipe import Recipe


class Regime(Protocol):
    """An adaptation regime: one change of a recipe, so that regimes follow one another.

    ``refits`` says whether it needs a new fit when the target domain changes; then it cannot be applied to a finished
    run.
    """

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def refits(self) -> bool:
        """See above."""
        ...

    def applied(self, recipe: Recipe) -> Recipe:
        """The recipe under this regime."""
        ...
