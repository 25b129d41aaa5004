"""How images are scored: in batches whose features are matched to the train images', or in several views."""

from __future__ import annotations

from dataclasses import dataclass

from adshift.adaptation.augmentation import AGGREGATES, Augmentation
from adshift.adaptation.views import IDENTITY, VIEWS
from adshift.errors import AdshiftError

STATISTICS = ("none", "mean", "moments")


@dataclass(frozen=True)
class ScoreRule:
    """What is done to an image when it is scored, by a model that stays as it was fitted; calibration images alike.

    Feature matching: each channel of a batch's embeddings is given the train images' mean, or mean and variance. The
    scores of an image then depend on the images beside it. Batches are drawn at random from the role, by ``seed``: the
    order of the files would put images of one defect together.

    Augmentation: each image is scored in several views, and the scores are aggregated (``Augmentation``). It needs no
    batch. With both, each view is matched by itself: a batch holds the same images in one view.

    Attributes:
        batch: images whose statistics are taken together, >= 1.
        statistics: ``none`` (no matching), ``mean``, or ``moments`` (mean and variance).
        seed: of the draw, >= 0.
        views: names out of ``VIEWS``, at least one, each once; ``identity`` is the image as it is.
        aggregate: over the views: ``mean``, ``min``, ``median`` or ``max``.
    """

    batch: int
    statistics: str = "mean"
    seed: int = 0
    views: list[str] | tuple[str, ...] = (IDENTITY.name,)
    aggregate: str = "mean"

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise AdshiftError(f"test_time.batch={self.batch} must be >= 1; 32 is the default")
        if self.statistics not in STATISTICS:
            raise AdshiftError(f"test_time.statistics={self.statistics} must be one of: {', '.join(STATISTICS)}")
        if self.seed < 0:
            raise AdshiftError(f"test_time.seed={self.seed} must be >= 0; the default is 0")
        known = isinstance(self.views, list | tuple) and all(isinstance(v, str) and v in VIEWS for v in self.views)
        if not known or not self.views or len(set(self.views)) < len(self.views):
            raise AdshiftError(
                f"test_time.views={self.views} must be one or more of: {', '.join(VIEWS)}, each once; write "
                "test_time.views=[identity,hflip]"
            )
        if self.aggregate not in AGGREGATES:
            raise AdshiftError(f"test_time.aggregate={self.aggregate} must be one of: {', '.join(AGGREGATES)}")

    @property
    def matches(self) -> bool:
        """Whether a batch's features are matched."""
        return self.statistics != "none"

    @property
    def augmentation(self) -> Augmentation:
        """The views and their aggregate."""
        return Augmentation(tuple(VIEWS[name] for name in self.views), self.aggregate)
