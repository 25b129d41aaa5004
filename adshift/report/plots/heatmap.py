"""Cross-threshold matrices as heatmaps, the numbers in the cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from adshift.report.plots.style import WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Matrix = Mapping[str, Mapping[str, Mapping[str, float | None]]]


def heatmaps(matrices: Mapping[str, Matrix]) -> Figure:
    """Matrices side by side: the false-alarm rate of the row's normals under the column's threshold, in percent."""
    from matplotlib.figure import Figure

    size = max(len(matrix) for matrix in matrices.values())
    side = (WIDTH - 1.1) / max(len(matrices), 2) - 0.9
    figure = Figure(figsize=(WIDTH if len(matrices) > 1 else WIDTH * 0.6, side + 0.95))
    axes = figure.subplots(1, len(matrices), squeeze=False)[0]
    image = None
    for axis, (title, matrix) in zip(axes, matrices.items(), strict=True):
        names = list(matrix)
        rate_cc = np.array([[_percent(matrix[i][j].get("rate")) for j in names] for i in names])
        image = axis.imshow(rate_cc, cmap="cividis", vmin=0, vmax=100, aspect="equal")
        for (i, j), rate in np.ndenumerate(rate_cc):
            if not np.isnan(rate):
                axis.text(j, i, f"{rate:.0f}", ha="center", va="center", color="#000000" if rate > 50 else "#fefefe")
        axis.set_xticks(range(len(names)), names, rotation=0 if size <= 4 else 60)
        axis.set_yticks(range(len(names)), names)
        axis.set(title=title, xlabel="threshold of", ylabel="normal images of")
        axis.grid(visible=False)
    if image is not None:
        figure.colorbar(image, ax=list(axes), label="false alarms (%)", shrink=0.9)
    return figure


def _percent(rate: float | None) -> float:
    return float("nan") if rate is None else 100 * rate
