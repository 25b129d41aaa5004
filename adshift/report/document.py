"""What the report is made of, whatever it is written as: sections with findings, tables and plots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adshift.report.tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plot:
    """A plot to be drawn.

    Attributes:
        name: of its files, without suffix.
        caption: what it shows.
        alt: what a reader who cannot see it should know.
        draw: makes the figure, once.
        raster: it holds photographs, so that the page embeds it as a picture.
    """

    name: str
    caption: str
    alt: str
    draw: Callable[[], Figure]
    raster: bool = False


@dataclass(frozen=True)
class Embedded:
    """A drawn plot as the page holds it: its data URI, and whether it is narrower than a column."""

    uri: str
    narrow: bool


@dataclass(frozen=True)
class Section:
    """One question of the study with its answer; the first ``brief`` of its findings stand on top of the page too."""

    name: str
    title: str
    lead: str
    findings: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    brief: int = 3


@dataclass(frozen=True)
class Report:
    """The whole report: a title, what it covers, its sections, notes on the runs, and the foot of the page."""

    title: str
    summary: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    made_by: str = "Made by python -m adshift.report from the result.json of each run. Intervals are 95 %."
