"""Every figure of a test set with its interval, as one metric: where the figures of a run come from."""

from typing import Any

import torch
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.metrics.curves import AnyArray
from adshift.metrics.modules.states import Images, MapState, Masks, ScoreState, joined, to_tensor
from adshift.metrics.summary import Figures, figures

PER_IMAGE = ("thresholds", "pixel_thresholds", "strata")


class RunFigures(ScoreState, MapState):
    """All figures of a test set (see `summary.figures`).

    Args:
        replicates: bootstrap resamples; 0 = no intervals.
        seed, stream: see `resampling.resample`; give the category as `stream`.

    >>> metric = RunFigures(replicates=0)
    >>> metric.update(torch.tensor([12.0, 15.0]), torch.tensor([0, 0]))
    >>> metric.update(torch.tensor([14.0, 31.0]), torch.tensor([1, 1]))
    >>> metric.compute()["image_auroc"]
    tensor(0.7500, dtype=torch.float64)
    """

    thresholds: list[Tensor]
    pixel_thresholds: list[Tensor]
    strata: list[Tensor]

    def __init__(self, replicates: int = 1000, seed: int = 0, stream: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.replicates, self.seed, self.stream = replicates, seed, stream
        self._found: Figures | None = None
        for name in PER_IMAGE:
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def update(
        self,
        scores_N: Tensor,
        labels_N: Tensor,
        maps: Images | None = None,
        masks: Masks | None = None,
        *,
        thresholds: Tensor | float | None = None,
        pixel_thresholds: Tensor | float | None = None,
        strata_N: Tensor | None = None,
    ) -> None:
        """Add a batch; what one batch has, all must have.

        Args:
            scores_N: raw image scores of any range (N,).
            labels_N: 0 normal, 1 anomalous (N,).
            maps: raw anomaly maps, (N, H, W), (N, 1, H, W), or a list of (H, W); None leaves the pixel figures undefined.
            masks: ground truth of the maps' sizes; None, whole or in its list, where it is not known, which for a normal
                image is no defect.
            thresholds: image threshold, one or one an image (N,); None leaves the decision figures undefined.
            pixel_thresholds: as `thresholds`, for pixels.
            strata_N: integers (N,) whose groups are resampled apart; labels where None.
        """
        self.add_scores(scores_N, labels_N)
        if maps is not None:
            self.add_maps(maps, [None] * len(maps) if masks is None else masks)
        for name, value in zip(PER_IMAGE, (thresholds, pixel_thresholds, strata_N), strict=True):
            if value is not None:
                rows = value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
                getattr(self, name).append(rows.expand(len(scores_N)))

    def compute(self) -> dict[str, Tensor]:
        """Every name of `summary.FIGURES`, a float64 scalar, NaN where undefined; `NAME_ci` (2,) where it has one.

        Raises AdshiftError as `summary.figures` does.
        """
        maps, masks = self.all_maps()
        self._found = figures(
            joined(self.scores),
            joined(self.labels),
            self._an_image("thresholds"),
            maps=maps or None,
            masks=masks or None,
            pixel_threshold=self._an_image("pixel_thresholds"),
            replicates=self.replicates,
            seed=self.seed,
            stream=self.stream,
            strata_N=self._an_image("strata"),
        )
        return {name: to_tensor(value) for name, value in self._found.values.items()}

    def figures(self) -> Figures:
        """What `compute` gives, with None for what is undefined, the reasons why, and the replicates."""
        self.compute()
        assert self._found is not None
        return self._found

    def _an_image(self, name: str) -> AnyArray | None:
        values, images = joined(getattr(self, name)), len(joined(self.scores))
        if len(values) not in (0, images):
            raise AdshiftError(
                f"{len(values)} {name} do not fit {images} images; give them with every batch or with none"
            )
        return values if len(values) else None
