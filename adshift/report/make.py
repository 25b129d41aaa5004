"""The report as a whole: its runs read, its sections asked, its files written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from adshift.report.answers import answers
from adshift.report.discover import read_runs
from adshift.report.document import Report, Section
from adshift.report.photographs import Photographs
from adshift.report.sections import (
    about,
    across,
    clean,
    components,
    coreset,
    crossed,
    curves,
    decisions,
    degradation,
    efficiency,
    examples,
    pro,
    regimes,
    regions,
    repairs,
    seeds,
    severity,
    unified,
)
from adshift.report.study import Study
from adshift.report.thumbnails import make_gallery
from adshift.report.tidy import write_tidy
from adshift.report.write import write_report
from adshift.system.terminal import tell


def make_report(roots: Sequence[Path], out: Path, title: str, pictures: int) -> Report:
    """Read the runs under ``roots`` and write their report to ``out``; returns what was written.

    Raises:
        AdshiftError: a root is no folder, or holds no finished run.
    """
    notes: list[str] = []

    def say(line: str) -> None:
        notes.append(line)
        tell(line)

    study = Study(read_runs(roots, say), say)
    photographs = Photographs(say)
    found: list[Section | None] = [
        *(part.section(study) for part in (clean, degradation, regimes, repairs, across, decisions, regions, coreset,
                                           unified, crossed, severity, components, seeds, efficiency, curves)),
        *(part.section(study, photographs) for part in (pro, examples)),
        about.section(study),
    ]  # fmt: skip
    gallery = make_gallery(study, photographs, pictures)
    sections = tuple(section for section in found if section is not None)
    if pictures == 0:
        sections = _without_photographs(sections)
    summary = (
        f"{len(study.cells)} runs; {', '.join(study.detectors)}; categories: {', '.join(study.categories)}. "
        "Figures in percent with 95 % intervals; differences in points by the paired bootstrap on the same test images."
    )
    if about.random_weights(study):
        summary += (
            " Backbone weights are random: these figures show how the program works, not how well a detector does."
        )
    report = Report(title, summary, sections, tuple(notes), answers=answers(study))
    write_report(out, report, gallery, say)
    write_tidy(out, study.cells)
    return report


def _without_photographs(sections: Sequence[Section]) -> tuple[Section, ...]:
    """The sections without plots that show images of the data set; one that showed nothing else goes."""
    bare = [replace(s, plots=tuple(plot for plot in s.plots if not plot.raster)) for s in sections]
    return tuple(s for s in bare if s.plots or s.tables)
