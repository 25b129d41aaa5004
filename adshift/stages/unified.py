"""What only a model over several categories can show: crossed thresholds, and neighbours of a foreign category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adshift.calibration.binomial import binomial_interval
from adshift.calibration.thresholds import Thresholds
from adshift.data.samples import Sample
from adshift.stages.scored import ScoredImages

Matrix = dict[str, dict[str, dict[str, Any]]]


def false_alarms(score_N: np.ndarray, threshold: float) -> dict[str, Any]:
    """The share of normal scores at or over a threshold: ``rate``, ``n`` and the exact (Clopper-Pearson) interval.

    Both are None where there is no score.
    """
    n = len(score_N)
    if n == 0:
        return {"rate": None, "n": 0, "ci": None}
    alarms = int((score_N >= threshold).sum())
    return {"rate": alarms / n, "n": n, "ci": list(binomial_interval(alarms, n))}


def cross_threshold(scored: ScoredImages, thresholds: Thresholds, categories: Sequence[str]) -> Matrix:
    """The cross-threshold matrix (docs/protocol.md): false alarms of category i's normals under category j's threshold.

    Args:
        scored: images of one role, of which the normal ones count.
        thresholds: one a category.
        categories: rows i and columns j.

    Returns:
        matrix[i][j] as in ``false_alarms``.
    """
    normals = scored.select(scored.label_N == 0)
    matrix: Matrix = {}
    for row in categories:
        scores = normals.of_category(row).score_N
        matrix[row] = {column: false_alarms(scores, thresholds.image[column].threshold) for column in categories}
    return matrix


def foreign_matches(scored: ScoredImages, train: Sequence[Sample], categories: Sequence[str]) -> dict[str, Any] | None:
    """Where each test patch found its nearest neighbour: the identical shortcut, measured.

    Args:
        scored: test images with ``nearest_image_NP``, places in ``train``.
        train: the train role in its order.
        categories: those of the run.

    Returns:
        category -> ``share`` of its patches whose nearest neighbour is of another category, ``share_normal`` and
        ``share_anomalous`` (the same over its normal and its anomalous images alone; None without any), and ``from``,
        the share that each category contributed; None for a method without a memory bank, or where ``train`` is
        not the role that the bank was made of.
    """
    if scored.nearest_image_NP is None or scored.nearest_image_NP.max(initial=0) >= len(train):
        return None
    code = {category: i for i, category in enumerate(categories)}
    origin = np.array([code[sample.category] for sample in train])[scored.nearest_image_NP]
    own = np.array([code[sample.category] for sample in scored.samples])
    foreign_NP = origin != own[:, None]
    found = {}
    for category in categories:
        rows = own == code[category]
        shares = {
            name: float(foreign_NP[keep].mean()) if keep.any() else None
            for name, keep in (
                ("share", rows),
                ("share_normal", rows & (scored.label_N == 0)),
                ("share_anomalous", rows & (scored.label_N == 1)),
            )
        }
        counts = np.bincount(origin[rows].ravel(), minlength=len(categories))
        total = max(int(counts.sum()), 1)
        found[category] = {**shares, "from": {c: float(counts[i] / total) for c, i in code.items()}}
    return found
