"""Test images that the data set calls neither good nor defective: how many of them are called anomalous."""

from __future__ import annotations

from typing import Any

from adshift.calibration.binomial import binomial_interval
from adshift.calibration.thresholds import Thresholds
from adshift.stages.scored import ScoredImages


def uncertain_rates(scored: ScoredImages, thresholds: Thresholds) -> dict[str, dict[str, dict[str, Any]]]:
    """The ``uncertain`` object of result.json.

    For each category and group of them ``images``, ``called_anomalous``, ``rate`` and its exact 95 % interval
    ``rate_exact_ci``; all but the first None where no threshold decides.
    """
    groups: dict[tuple[str, str], list[bool | None]] = {}
    for sample, score in zip(scored.samples, scored.score_N.tolist(), strict=True):
        threshold = thresholds.image_threshold(sample.category)
        called = None if threshold is None else score >= threshold
        groups.setdefault((sample.category, sample.defect), []).append(called)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for (category, group), each in sorted(groups.items()):
        known = [called for called in each if called is not None]
        told: dict[str, Any] = {"images": len(each), "called_anomalous": None, "rate": None, "rate_exact_ci": None}
        if known:
            interval = list(binomial_interval(sum(known), len(known)))
            told |= {"called_anomalous": sum(known), "rate": sum(known) / len(known), "rate_exact_ci": interval}
        found.setdefault(category, {})[group] = told
    return found
