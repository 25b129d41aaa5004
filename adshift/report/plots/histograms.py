"""Histograms of test scores with the threshold that each condition decided by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from adshift.report.cells import Scores
from adshift.report.plots.style import ANOMALOUS, INK, NORMAL, WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 28


def histograms(grid: Mapping[str, Mapping[str, Scores]]) -> Figure:
    """A column a detector, a row a condition; the scores of a column share their axis.

    Args:
        grid: detector -> condition -> scores.
    """
    from matplotlib.figure import Figure

    rows = list(dict.fromkeys(condition for column in grid.values() for condition in column))
    figure = Figure(figsize=(WIDTH, 1.15 * len(rows) + 0.9))
    axes = figure.subplots(len(rows), len(grid), squeeze=False, sharex="col")
    for j, (detector, column) in enumerate(grid.items()):
        pooled = np.concatenate([scores.score_N for scores in column.values()])
        edges = np.linspace(pooled.min(), max(pooled.max(), pooled.min() + 1e-9), BINS + 1).tolist()
        for i, condition in enumerate(rows):
            axis = axes[i, j]
            if condition in column:
                _histogram(axis, column[condition], edges)
            if j == 0:
                axis.set_ylabel(condition.replace(", ", ",\n"))
            axis.tick_params(labelbottom=i == len(rows) - 1)
        axes[0, j].set_title(detector)
        axes[-1, j].set_xlabel("image score")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _histogram(axis: Axes, scores: Scores, edges: list[float]) -> None:
    normal, anomalous = scores.score_N[scores.label_N == 0], scores.score_N[scores.label_N == 1]
    axis.hist(normal, edges, color=NORMAL, alpha=0.55, edgecolor=NORMAL, linewidth=0.6, label="normal")
    axis.hist(anomalous, edges, histtype="step", color=ANOMALOUS, hatch="////", linewidth=1.1, label="anomalous")
    if scores.threshold is not None:
        axis.axvline(scores.threshold, color=INK, linestyle="--", linewidth=1.3, label="threshold")
    axis.grid(visible=False)
    axis.locator_params(axis="y", nbins=3, integer=True)
