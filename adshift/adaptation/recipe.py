"""What a regime decides: which domains each role's images are drawn from, and what is done beside the plain fit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from adshift.adaptation.augmentation import PLAIN, Augmentation
from adshift.adaptation.few_images import FewImages
from adshift.adaptation.score_rule import ScoreRule
from adshift.data.correction import CorrectionRule
from adshift.data.splits import Role
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain


@dataclass(frozen=True)
class Recipe:
    """How a model is made, calibrated and tested.

    Attributes:
        train, calibration: the domains that each image of the role is seen in; with several, each image comes once in
            every one of them, domain after domain.
        test: the target.
        correction: what is done to every image of every role before the features; None leaves them as they are.
        few: how the fitted model is repaired with a few normals of the target; None leaves it as it was fitted.
        test_time: how images are scored, in batches or in several views; None scores each by itself and as it is. It
            cannot follow ``few``, nor ``few`` it.
    """

    train: tuple[Domain, ...]
    calibration: tuple[Domain, ...]
    test: Domain
    correction: CorrectionRule | None = None
    few: FewImages | None = None
    test_time: ScoreRule | None = None

    def __post_init__(self) -> None:
        if self.few is not None and self.test_time is not None:
            raise AdshiftError(
                "adaptation.parts names few and test_time, and few's threshold rests on images that are scored one at a "
                "time and as they are; name one of the two"
            )

    @property
    def augmentation(self) -> Augmentation:
        """The views that calibration and test images are scored in."""
        return PLAIN if self.test_time is None else self.test_time.augmentation

    @property
    def passes(self) -> int:
        """How often a calibration or test image goes through the model."""
        return len(self.augmentation.views)

    def of(self, role: Role) -> tuple[Domain, ...]:
        """The domains of one role."""
        seen = (self.test,)
        return {"train": self.train, "calibration": self.calibration, "test": seen, "uncertain": seen}[role]

    def same_model(self, other: Recipe) -> bool:
        """Whether both ask for the same fit."""
        return (self.train, self.correction) == (other.train, other.correction)


def unadapted(source: tuple[Domain, ...], target: Domain, correction: CorrectionRule | None = None) -> Recipe:
    """Fitted and calibrated in ``source``, tested in ``target``: what every regime starts from."""
    return Recipe(source, source, target, correction)


def described(domains: tuple[Domain, ...]) -> dict[str, Any]:
    """A role's domains as JSON values: the first one's fields, and the others under ``and`` where there are several."""
    first, *others = (asdict(domain) for domain in domains)
    return first | ({"and": others} if others else {})
