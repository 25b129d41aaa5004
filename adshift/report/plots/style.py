"""How the plots look: Okabe and Ito's palette, and for every series its own marker and line as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from adshift.shift.names import CLEAN

INK = "#1a1a1a"
FAINT = "#d4d4d4"
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    INK, "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
"""Okabe and Ito, Color Universal Design, 2008; their yellow is left out, too pale on paper."""
NORMAL, ANOMALOUS = BLUE, VERMILION
WIDTH = 7.2
"""Width of a full plot in inches: a text column in print."""

SETTINGS: dict[Any, Any] = {
    "font.size": 8.5,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.labelsize": 8.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "path",
    "svg.hashsalt": "adshift",
}


class Look(NamedTuple):
    """Colour, marker and line style of a series, none of them shared with its neighbours."""

    colour: str
    marker: str
    line: str | tuple[int, tuple[float, ...]]


CYCLE = (
    Look(BLUE, "o", "-"),
    Look(VERMILION, "s", (0, (5, 1.5))),
    Look(GREEN, "^", (0, (1, 1))),
    Look(PURPLE, "D", (0, (6, 1.5, 1, 1.5))),
    Look(BLACK, "v", (0, (3, 1, 1, 1, 1, 1))),
    Look(ORANGE, "P", (0, (8, 2))),
    Look(SKY, "X", (0, (2, 1))),
)
REGIME_LOOKS = {
    CLEAN: Look(BLACK, "o", "-"),
    "none": Look(VERMILION, "s", (0, (5, 1.5))),
    "threshold": Look(BLUE, "^", (0, (6, 1.5, 1, 1.5))),
    "full": Look(GREEN, "D", (0, (1, 1))),
}


def looks(names: Sequence[str]) -> dict[str, Look]:
    """A look for each name: that of its regime where all are conditions (``clean``, ``shift, none``), else in turn."""
    regimes = [name.rpartition(", ")[2] for name in names]
    if len(set(regimes)) == len(names) and set(regimes) <= set(REGIME_LOOKS) and len(names) > 1:
        return {name: REGIME_LOOKS[regime] for name, regime in zip(names, regimes, strict=True)}
    return {name: CYCLE[i % len(CYCLE)] for i, name in enumerate(names)}


@contextmanager
def styled() -> Iterator[None]:
    """Draw and save inside: the settings hold there alone, and no window is ever opened."""
    import matplotlib

    with matplotlib.rc_context(SETTINGS):
        yield
