"""The report of finished runs: ``python -m adshift.report DIR... --out reports/NAME``.

DIR are folders of finished runs, or folders above them. The report is a page (index.html), report.md, tables as Markdown
and LaTeX, figures as PNG and SVG, and cells.csv; it holds what the runs hold.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from adshift.errors import AdshiftError, printable
from adshift.report.discover import read_runs
from adshift.report.document import Report, Section
from adshift.report.photographs import Photographs
from adshift.report.sections import (
    about,
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
    seeds,
    severity,
    unified,
)
from adshift.report.study import Study
from adshift.report.thumbnails import make_gallery
from adshift.report.tidy import write_tidy
from adshift.report.write import write_report

PICTURES = 24


def make_report(roots: Sequence[Path], out: Path, title: str, pictures: int = PICTURES) -> Report:
    """Read the runs under ``roots`` and write their report to ``out``; returns what was written.

    Raises:
        AdshiftError: a root is no folder, or holds no finished run.
    """
    notes: list[str] = []

    def say(line: str) -> None:
        notes.append(line)
        print(printable(line), file=sys.stderr)

    study = Study(read_runs(roots, say), say)
    photographs = Photographs(say)
    found: list[Section | None] = [
        *(part.section(study) for part in (clean, degradation, regimes, decisions, coreset, unified, crossed, severity,
                                           components, seeds, efficiency, curves)),
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
    report = Report(title, summary, sections, tuple(notes))
    write_report(out, report, gallery, say)
    write_tidy(out, study.cells)
    return report


def _without_photographs(sections: Sequence[Section]) -> tuple[Section, ...]:
    """The sections without plots that show images of the data set; one that showed nothing else goes."""
    bare = [replace(s, plots=tuple(plot for plot in s.plots if not plot.raster)) for s in sections]
    return tuple(s for s in bare if s.plots or s.tables)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m adshift.report", description=__doc__)
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="DIR", help="folders that hold finished runs, at any depth"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder of the report, made where it is missing")
    parser.add_argument("--title", default="Anomaly detection under domain shift", help="the report's title")
    many = (
        "pictures a category and domain in the page's gallery; 0: no image of the data set at all (default %(default)s)"
    )
    parser.add_argument("--pictures", type=int, default=PICTURES, metavar="N", help=many)
    chosen = parser.parse_args(arguments)
    try:
        report = make_report(chosen.runs, chosen.out, chosen.title, chosen.pictures)
    except AdshiftError as error:
        print(f"adshift: {printable(str(error))}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"adshift: {chosen.out} cannot be written ({error}); give another --out", file=sys.stderr)
        return 2
    print(f"{len(report.sections)} sections: {chosen.out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
