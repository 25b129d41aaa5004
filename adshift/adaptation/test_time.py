"""The test batch itself, without labels: its features are brought to the statistics of the train images."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adshift.adaptation.recipe import Recipe
from adshift.errors import AdshiftError

STATISTICS = ("mean", "moments")


@dataclass(frozen=True)
class TestTimeAdaptation:
    """Each channel of a batch's embeddings is given the train images' mean, or mean and variance.

    The scores of an image then depend on the images beside it. Batches are drawn at random from the role, by ``seed``:
    the order of the files would put images of one defect together. Calibration images are scored in the same way.

    Attributes:
        batch: images whose statistics are taken together, >= 1.
        statistics: ``mean``, or ``moments`` (mean and variance).
        seed: of the draw, >= 0.
    """

    __test__ = False  # no test class, whatever pytest makes of its name

    batch: int
    statistics: str = "mean"
    seed: int = 0
    name: str = "test_time"
    refits: bool = False

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise AdshiftError(f"test_time.batch={self.batch} must be >= 1; 32 is the default")
        if self.statistics not in STATISTICS:
            raise AdshiftError(f"test_time.statistics={self.statistics} must be one of: {', '.join(STATISTICS)}")
        if self.seed < 0:
            raise AdshiftError(f"test_time.seed={self.seed} must be >= 0; the default is 0")

    def applied(self, recipe: Recipe) -> Recipe:
        """The same model and images, scored batch by batch."""
        return replace(recipe, test_time=self)
