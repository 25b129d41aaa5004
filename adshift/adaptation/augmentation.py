"""Test-time augmentation: which views of an image are scored, and what becomes of their scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from adshift.adaptation.views import IDENTITY, View

T = TypeVar("T", bound=np.floating[Any])
AGGREGATES: dict[str, Callable[..., Any]] = {"mean": np.mean, "min": np.min, "median": np.median, "max": np.max}


@dataclass(frozen=True)
class Augmentation:
    """An image is scored in every view; ``aggregate`` over the views makes one score and one map of them.

    The map is aggregated pixel by pixel, once the views' maps lie on the image again. The image score is the aggregate
    of the views' own image scores, not the maximum of the aggregated map: a method's image score need not be the maximum
    of its map (PatchCore's is its largest patch score, which no upsampling and blur has touched), and one view alone must
    give the plain score.

    Attributes:
        views: V of them, at least one, each once.
        aggregate: ``mean``, ``min``, ``median`` or ``max``.
    """

    views: tuple[View, ...] = (IDENTITY,)
    aggregate: str = "mean"

    def aggregated(self, values_V: Sequence[NDArray[T]]) -> NDArray[T]:
        """Arrays of one shape and type, one a view, to one of that shape and type; summed in float64."""
        found = AGGREGATES[self.aggregate](np.stack(values_V).astype(np.float64), axis=0)
        return np.asarray(found, values_V[0].dtype)


PLAIN = Augmentation()
"""The image as it is."""
