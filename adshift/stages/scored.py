"""The scored images of a role: what thresholds, figures and pictures are made of."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adshift.adaptation.augmentation import Augmentation
from adshift.data.samples import Sample, unit_numbers
from adshift.shift.pixels import UInt8


@dataclass(frozen=True)
class ScoredImages:
    """The images of one role with their scores, in the role's order.

    Attributes:
        samples: N samples.
        score_N: float64 image scores.
        maps: N anomaly maps, float32 [H, W], at the resolution of their masks.
        masks: N masks, uint8 [H, W]; None for an anomalous image without one.
        nearest_image_NP: int64, for each patch (of every view, where there are several) the train image of its nearest
            bank vector; None without a bank.
        seconds: what preparing, embedding and scoring them took when it was done.
        view_seconds: of these, what the views beyond the first took.
    """

    samples: tuple[Sample, ...]
    score_N: NDArray[np.float64]
    maps: list[NDArray[np.float32]]
    masks: list[UInt8 | None]
    nearest_image_NP: NDArray[np.int64] | None
    seconds: float = 0.0
    view_seconds: float = 0.0

    @property
    def label_N(self) -> NDArray[np.int64]:
        """0 nominal, 1 anomalous."""
        return np.array([sample.label for sample in self.samples], np.int64)

    @property
    def group_N(self) -> NDArray[np.int64]:
        """The series of each image, 0 to K - 1: images of one, and one image in several domains, share it."""
        return unit_numbers(self.samples)

    def select(self, keep_N: Sequence[bool] | NDArray[np.bool_]) -> ScoredImages:
        """The images where ``keep_N`` holds."""
        places = np.flatnonzero(np.asarray(keep_N))
        return ScoredImages(
            tuple(self.samples[i] for i in places),
            self.score_N[places],
            [self.maps[i] for i in places],
            [self.masks[i] for i in places],
            None if self.nearest_image_NP is None else self.nearest_image_NP[places],
        )

    def of_category(self, category: str) -> ScoredImages:
        """The images of one category."""
        return self.select([sample.category == category for sample in self.samples])


def joined(parts: Sequence[ScoredImages]) -> ScoredImages:
    """Several sets of scored images as one; without nearest images where a part has none."""
    nearest = [part.nearest_image_NP for part in parts if part.nearest_image_NP is not None]
    return ScoredImages(
        tuple(s for part in parts for s in part.samples),
        np.concatenate([part.score_N for part in parts]),
        [m for part in parts for m in part.maps],
        [m for part in parts for m in part.masks],
        np.concatenate(nearest) if len(nearest) == len(parts) else None,
        sum(part.seconds for part in parts),
        sum(part.view_seconds for part in parts),
    )


def aggregated(parts: Sequence[ScoredImages], augmentation: Augmentation) -> ScoredImages:
    """The scores of the same images, a part each view, as one: one view as it is, several as ``Augmentation`` says."""
    if len(parts) == 1:
        return parts[0]
    started = time.perf_counter()
    nearest = [part.nearest_image_NP for part in parts if part.nearest_image_NP is not None]
    found = replace(
        parts[0],
        score_N=augmentation.aggregated([part.score_N for part in parts]),
        maps=[augmentation.aggregated(maps_V) for maps_V in zip(*(part.maps for part in parts), strict=True)],
        nearest_image_NP=np.concatenate(nearest, axis=1) if nearest else None,
    )
    seconds = sum(part.seconds for part in parts[1:]) + time.perf_counter() - started
    return replace(found, seconds=parts[0].seconds + seconds, view_seconds=seconds)
