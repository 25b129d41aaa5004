"""Qualitative examples: image, image with the ground truth's outline, anomaly map, with the verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from adshift.report.plots.style import INK, VERMILION
from adshift.shift.pixels import UInt8

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Example(NamedTuple):
    """One test image: its caption, whether the decision was wrong, and its three tiles, uint8 [H, W, 3]."""

    caption: str
    wrong: bool
    tiles: tuple[UInt8, UInt8, UInt8]


def tiles(examples: Sequence[Example], columns: int = 2) -> Figure:
    """Examples in ``columns`` columns, three tiles each."""
    from matplotlib.figure import Figure

    down = -(-len(examples) // columns)
    figure = Figure(figsize=(3.75 * columns, 1.5 * down))
    parts = figure.subfigures(down, columns, squeeze=False)
    for i, example in enumerate(examples):
        axes = parts[divmod(i, columns)].subplots(1, 3)
        for axis, tile in zip(axes, example.tiles, strict=True):
            axis.imshow(tile)
            axis.set_axis_off()
        colour = VERMILION if example.wrong else INK
        axes[0].set_title(example.caption, loc="left", fontsize=6.5, color=colour, fontweight="normal")
    return figure
