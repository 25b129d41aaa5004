"""Figures of the test role: each category, their macro mean, and the categories pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adshift.calibration.binomial import binomial_interval
from adshift.calibration.thresholds import Thresholds
from adshift.metrics.curves import AnyArray
from adshift.metrics.modules import RunFigures
from adshift.metrics.summary import FIGURES, Figures, Value, macro
from adshift.stages.scored import ScoredImages

POOLED = "pooled"


@dataclass(frozen=True)
class Evaluation:
    """The figures of a run: one ``Figures`` a category, their mean, and all images as one set (several categories)."""

    categories: dict[str, Figures]
    macro: Figures
    pooled: Figures | None

    def groups(self) -> dict[str, Figures]:
        """Every set of figures by name: the categories, ``macro``, and ``pooled`` where there is one."""
        extra = {} if self.pooled is None else {POOLED: self.pooled}
        return {**self.categories, "macro": self.macro, **extra}

    def metrics(self) -> dict[str, Any]:
        """The ``metrics`` object of result.json."""
        found: dict[str, Any] = {
            "macro": self.macro.values,
            "categories": {name: part.values for name, part in self.categories.items()},
        }
        if self.pooled is not None:
            found[POOLED] = self.pooled.values
        return found

    def warnings(self) -> list[str]:
        """Which figures are undefined, and why."""
        parts = {**self.categories, **({} if self.pooled is None else {POOLED: self.pooled})}
        return [*(f"{name}: {w}" for name, part in parts.items() for w in part.warnings), *self.macro.warnings]


def _rows(each: Sequence[float | None]) -> np.ndarray | None:
    """One threshold an image; None unless every image has one."""
    known = [t for t in each if t is not None]
    return np.array(known) if known and len(known) == len(each) else None


def _tensor(array: AnyArray) -> Tensor:
    """The array itself as a tensor, a memory map too; a copy only where torch cannot take it (read-only, mirrored)."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


def _optional(array: AnyArray | None) -> Tensor | None:
    return None if array is None else _tensor(array)


def _figures(
    scored: ScoredImages, thresholds: Thresholds, stream: str, strata_N: np.ndarray | None, replicates: int, seed: int
) -> Figures:
    if not scored.samples:
        undefined: dict[str, Value] = dict.fromkeys(FIGURES)
        why = "there is no test image: every figure is null; put images into test/good and test/DEFECT to measure them"
        return Figures(undefined, [why])
    rows = _rows([thresholds.image_threshold(sample.category, sample.path) for sample in scored.samples])
    pixel_rows = _rows([thresholds.pixel_threshold(sample.category, sample.path) for sample in scored.samples])
    metric = RunFigures(replicates, seed, stream)
    metric.update(
        _tensor(scored.score_N),
        _tensor(scored.label_N),
        [_tensor(map_HW) for map_HW in scored.maps],
        [_optional(mask_HW) for mask_HW in scored.masks],
        thresholds=_optional(rows),
        pixel_thresholds=_optional(pixel_rows),
        strata_N=_optional(strata_N),
    )
    found = metric.figures()
    normal = scored.label_N == 0
    if rows is not None and normal.any():
        alarms = int((scored.score_N[normal] >= rows[normal]).sum())
        found.values["false_alarm_rate_exact_ci"] = list(binomial_interval(alarms, int(normal.sum())))
    return found


def measure(
    scored: ScoredImages, thresholds: Thresholds, categories: Sequence[str], replicates: int, seed: int
) -> Evaluation:
    """All figures of the test images, from a ``RunFigures`` metric for each category and one for all.

    Beside the bootstrap's interval the false-alarm rate carries the exact binomial one,
    ``false_alarm_rate_exact_ci``: with no alarm at all the bootstrap's would be [0, 0].

    Args:
        scored: the test images.
        thresholds: what decides; empty leaves the decision figures undefined.
        categories: in the order of the report.
        replicates: bootstrap resamples; 0 leaves the intervals out.
        seed: of the bootstrap.
    """
    each = {c: _figures(scored.of_category(c), thresholds, c, None, replicates, seed) for c in categories}
    pooled = None
    if len(categories) > 1:
        code = {category: i for i, category in enumerate(categories)}
        strata_N = np.array([2 * code[sample.category] + sample.label for sample in scored.samples])
        pooled = _figures(scored, thresholds, POOLED, strata_N, replicates, seed)
    return Evaluation(each, macro(each), pooled)
