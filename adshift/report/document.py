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
    """One question of the study: its findings, the tables that they rest on, its plots."""

    name: str
    title: str
    lead: str
    findings: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()


@dataclass(frozen=True)
class Report:
    """The whole report.

    Attributes:
        title: what it is about.
        summary: what it covers.
        sections: in their order.
        notes: on the runs, what was left out.
        made_by: the foot of the page.
        answers: what a reader came for, before anything else; no other part says it again.
    """

    title: str
    summary: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    made_by: str = "Made by python -m adshift.report from the result.json of each run."
    answers: tuple[str, ...] = ()
