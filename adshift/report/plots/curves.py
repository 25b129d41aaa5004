"""ROC, precision-recall and PRO curves of one category."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adshift.metrics.pixel import PixelRanking
from adshift.report.plots.style import FAINT, WIDTH, looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
Vertices = tuple[Array, Array]
POINTS = 400
"""Vertices that a drawn PRO curve keeps; the figure beside it is exact."""


class Ranked(NamedTuple):
    """Labels and scores of N images, and what the legend says of each curve."""

    label_N: NDArray[np.int64]
    score_N: Array
    auroc: str
    precision: str


def ranked_counts(label_N: NDArray[np.int64], score_N: Array) -> tuple[Array, Array]:
    """False and true positives at each distinct score, from the highest, after an implied (0, 0)."""
    order = np.argsort(-score_N, kind="stable")
    labels, scores = label_N[order], score_N[order]
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    tp = np.cumsum(labels)[last].astype(np.float64)
    return (last + 1 - tp), tp


def roc_pr(curves: Mapping[str, Mapping[str, Ranked]]) -> Figure:
    """A row a detector: ROC to the left, precision against recall to the right (steps, as average precision counts them).

    Args:
        curves: detector -> condition -> curve.
    """
    from matplotlib.figure import Figure

    longest = max(map(len, curves.values()))
    figure = Figure(figsize=(WIDTH, (2.75 + 0.17 * longest) * len(curves)))
    rows = figure.subplots(len(curves), 2, squeeze=False)
    for (roc, precision), (detector, found) in zip(rows, curves.items(), strict=True):
        style = looks(list(found))
        roc.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
        for name, curve in found.items():
            fp, tp = ranked_counts(curve.label_N, curve.score_N)
            look = style[name]
            recall, hit = tp / tp[-1], tp / (tp + fp)
            roc.plot(np.append(0, fp / fp[-1]), np.append(0, recall), linestyle=look.line, color=look.colour,
                     label=f"{name}: {curve.auroc}")  # fmt: skip
            precision.step(np.append(0, recall), np.append(hit[0], hit), where="pre", linestyle=look.line,
                           color=look.colour, label=f"{name}: {curve.precision}")  # fmt: skip
        _frame(roc, f"{detector}: ROC, image AUROC", "false-positive rate", "true-positive rate")
        _frame(precision, f"{detector}: precision, image AP", "recall", "precision")
    return figure


def _frame(axis: Axes, title: str, x_label: str, y_label: str) -> None:
    axis.set(xlabel=x_label, ylabel=y_label, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), box_aspect=0.7)
    axis.set_title(title)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), fontsize=7.5, handlelength=3.2)


def pro_vertices(ranking: PixelRanking, limit: float = 0.3) -> tuple[Array, Array]:
    """False-positive rate and mean overlap up to ``limit``, thinned for drawing; see ``PixelRanking.pro``."""
    fp_v, overlap_v = ranking.curve(ranking.overlap_K)
    x = np.append(0.0, fp_v / ranking.negatives)
    y = np.append(0.0, overlap_v / ranking.regions)
    past = int(np.searchsorted(x, limit, side="right")) + 1
    x, y = x[:past], y[:past]
    keep = np.unique(np.linspace(0, len(x) - 1, min(POINTS, len(x))).astype(int))
    return x[keep], y[keep]


def pro(curves: Mapping[str, Mapping[str, Vertices]]) -> Figure:
    """Per-region overlap against the false-positive rate up to 0.3; detector -> legend text -> vertices."""
    from matplotlib.figure import Figure

    longest = max(map(len, curves.values()))
    figure = Figure(figsize=(WIDTH * (1 if len(curves) > 1 else 0.6), 2.75 + 0.17 * longest))
    for axis, (detector, found) in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves.items(), strict=True):
        conditions = [name.partition(":")[0] for name in found]
        for name, condition, (x, y) in zip(found, conditions, found.values(), strict=True):
            look = looks(conditions)[condition]
            axis.plot(x, y, linestyle=look.line, color=look.colour, label=name)
        _frame(axis, detector, "false-positive rate over pixels", "mean overlap of regions")
        axis.set_xlim(0, 0.3)
    return figure
