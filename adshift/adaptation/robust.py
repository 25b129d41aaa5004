"""Robust to a shift that nobody has seen yet: fitted on clean images and on simulated shifted copies of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from adshift.adaptation.recipe import Recipe
from adshift.errors import AdshiftError
from adshift.shift.copies import MAX_COPIES, check_families, simulated
from adshift.shift.names import FAMILIES


@dataclass(frozen=True)
class RobustAdaptation:
    """Each train image is seen as it is and in ``copies`` domains of the study's families, drawn anew for each image.

    It takes no target image: the copies' seeds are negative, a target's are not. The calibration images are seen in the
    same domains, so that the threshold knows the simulated shift.

    Attributes:
        copies: shifted copies of each image, in [0, 1000]; 0 is the plain fit.
        components: the families that the copies may use; a family left out is one that the model has never seen.
        severity: of the copies, >= 0; 1 = the study's ranges.
        seed: another one gives other copies; >= 0.
    """

    copies: int
    components: Sequence[str] = FAMILIES
    severity: float = 1.0
    seed: int = 0
    name: str = "robust"
    refits: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.copies <= MAX_COPIES:
            raise AdshiftError(f"robust.copies={self.copies} must be in [0, {MAX_COPIES}]; 3 is the default")
        check_families("robust.components", self.components)
        if not (math.isfinite(self.severity) and self.severity >= 0):
            raise AdshiftError(f"robust.severity={self.severity} must be a finite number >= 0; the study's shift is 1")
        if self.seed < 0:
            raise AdshiftError(f"robust.seed={self.seed} must be >= 0; the default is 0")

    def applied(self, recipe: Recipe) -> Recipe:
        """Train and calibration images as they are and as copies.

        Raises:
            AdshiftError: the target's seed is one that a copy may have.
        """
        if recipe.test.seed < 0:
            raise AdshiftError(
                f"domain.seed={recipe.test.seed} must be >= 0 beside simulated copies, whose seeds are negative"
            )
        copies = simulated(self.copies, self.components, self.severity, self.seed)
        return replace(
            recipe,
            train=tuple(chain(recipe.train, copies)),
            calibration=tuple(chain(recipe.calibration, copies)),
        )
