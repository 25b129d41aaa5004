"""Scores that no figure can be taken from, and scores that say nothing: the first are refused, the second told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adshift.errors import AdshiftError
from adshift.stages.scored import ScoredImages


def require_finite(scored: ScoredImages) -> None:
    """Refuse scores and maps that are NaN or infinite.

    Raises:
        AdshiftError: names the first image.
    """
    for sample, score, anomaly_map in zip(scored.samples, scored.score_N.tolist(), scored.maps, strict=True):
        if not (np.isfinite(score) and np.isfinite(anomaly_map).all()):
            raise AdshiftError(
                f"image {sample.path} has the score {score} and a map that must be finite: its features overflow; check "
                "the backbone's weights"
            )


def score_warnings(scored: Mapping[str, ScoredImages], categories: Sequence[str]) -> list[str]:
    """A line for each category, role and class whose images, two or more, all have one score."""
    found = []
    for role, images in scored.items():
        for category in categories:
            part = images.of_category(category)
            for kind, label in (("normal", 0), ("anomalous", 1)):
                score_N = part.score_N[part.label_N == label]
                if len(score_N) > 1 and score_N.min() == score_N.max():
                    what = f"all {len(score_N)} {kind} {role} images have the score {score_N[0]:g}"
                    found.append(f"{category}: {what}: nothing tells them apart")
    return found
