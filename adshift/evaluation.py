"""Figures of the test role: each category, their macro mean, and the categories pooled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adshift.calibration.scope import Thresholds
from adshift.metrics.summary import Figures, figures, macro
from adshift.scoring import ScoredImages


def _of_category(scored: ScoredImages, thresholds: Thresholds, category: str, replicates: int, seed: int) -> Figures:
    part = scored.of_category(category)
    return figures(
        part.score_N,
        part.label_N,
        threshold=thresholds.image_threshold(category),
        maps=part.maps,
        masks=part.masks,
        pixel_threshold=thresholds.pixel_threshold(category),
        replicates=replicates,
        seed=seed,
        stream=category,
    )


def measure(
    scored: ScoredImages, thresholds: Thresholds, categories: Sequence[str], replicates: int, seed: int
) -> tuple[dict[str, Any], list[str]]:
    """The ``metrics`` object of result.json, and the warnings that say which figures are undefined and why.

    Args:
        scored: the test images.
        thresholds: what decides; empty leaves the decision figures undefined.
        categories: in the order of the report.
        replicates: bootstrap resamples; 0 leaves the intervals out.
        seed: of the bootstrap.
    """
    each = {c: _of_category(scored, thresholds, c, replicates, seed) for c in categories}
    mean = macro(each)
    warnings = [f"{name}: {w}" for name, part in each.items() for w in part.warnings]
    return (
        {"macro": mean.values, "categories": {name: part.values for name, part in each.items()}},
        [*warnings, *mean.warnings],
    )
