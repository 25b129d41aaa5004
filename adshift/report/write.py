"""The report's files: plots drawn once each, tables in two forms, report.md and the page."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adshift.errors import AdshiftError
from adshift.report.document import Embedded, Plot, Report, Section
from adshift.report.html import page, svg_uri
from adshift.report.latex import latex
from adshift.report.plots.style import WIDTH, styled
from adshift.report.tables import markdown_text
from adshift.report.thumbnails import Gallery, data_uri
from adshift.system.atomic import atomic_path, write_text

MARK = 'name="generator" content="adshift.report"'
DPI = 200
PICTURE_WIDTH = 940
PICTURE_QUALITY = 70


def write_report(folder: Path, report: Report, gallery: Gallery, say: Callable[[str], None]) -> None:
    """Write index.html, report.md, tables/ and figures/ into ``folder``; files of an earlier report there go.

    A plot whose images turn out to be unreadable is left out, with a line to ``say``.
    """
    _clear(folder)
    pictures: dict[str, Embedded] = {}
    for section in report.sections:
        for table in section.tables:
            write_text(folder / "tables" / f"{table.name}.md", table.markdown())
            write_text(folder / "tables" / f"{table.name}.tex", latex(table))
        for plot in section.plots:
            try:
                pictures[plot.name] = _draw(folder / "figures", plot)
            except AdshiftError as error:
                say(f"without {plot.name}: {error}")
    write_text(folder / "report.md", markdown(report, set(pictures)))
    write_text(folder / "index.html", page(report, pictures, gallery))


def _clear(folder: Path) -> None:
    """Remove the tables and figures of an earlier report, and of nothing else."""
    index = folder / "index.html"
    if not index.is_file() or MARK not in index.read_text(encoding="utf-8", errors="replace")[:2000]:
        return
    for place, suffixes in (("tables", (".md", ".tex")), ("figures", (".png", ".svg"))):
        for path in (folder / place).glob("*"):
            if path.is_file() and path.suffix in suffixes:
                path.unlink()


def _draw(folder: Path, plot: Plot) -> Embedded:
    """Save a plot as .png, and as .svg unless it holds photographs; returns what the page embeds.

    The canvases are asked themselves, for ``savefig`` would lay out and draw everything twice a file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with styled():
        figure = plot.draw()
        figure.set_dpi(DPI)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once
        narrow = figure.get_figwidth() < 0.8 * WIDTH
        with atomic_path(folder / f"{plot.name}.png") as partial:
            raster: Any = FigureCanvasAgg(figure)
            raster.print_png(partial, metadata={"Software": None})
        if plot.raster:
            return Embedded(_picture_uri(folder / f"{plot.name}.png"), narrow)
        buffer = io.StringIO()
        vector: Any = FigureCanvasSVG(figure)
        vector.print_svg(buffer, metadata={"Date": None})
    write_text(folder / f"{plot.name}.svg", buffer.getvalue())
    return Embedded(svg_uri(buffer.getvalue()), narrow)


def _picture_uri(path: Path) -> str:
    from PIL import Image

    with Image.open(path, formats=["PNG"]) as opened:
        picture = opened.convert("RGB")
    size = (PICTURE_WIDTH, round(picture.height * PICTURE_WIDTH / picture.width))
    return data_uri(np.asarray(picture.resize(size, Image.Resampling.LANCZOS), np.uint8), PICTURE_QUALITY)


def markdown(report: Report, drawn: set[str]) -> str:
    """The report as Markdown; plots are linked, those not ``drawn`` left out."""
    parts = [f"# {markdown_text(report.title)}", *_list(report.answers), markdown_text(report.summary)]
    for section in report.sections:
        parts += _markdown_section(section, drawn)
    if report.notes:
        parts += ["## Left out", "\n".join(f"- {markdown_text(note)}" for note in report.notes)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _markdown_section(section: Section, drawn: set[str]) -> list[str]:
    parts = [f"## {markdown_text(section.title)}", markdown_text(section.lead)]
    parts += _list(section.findings)
    for plot in section.plots:
        if plot.name in drawn:
            parts += [f"![{markdown_text(plot.alt)}](figures/{plot.name}.png)", f"*{markdown_text(plot.caption)}*"]
    return [*parts, *(table.markdown() for table in section.tables)]


def _list(findings: Sequence[str]) -> list[str]:
    return ["\n".join(f"- {_sentence(finding)}" for finding in findings)] if findings else []


def _sentence(text: str) -> str:
    """A finding: its intervals keep their brackets, everything else is escaped."""
    return markdown_text(text).replace("\\[", "[").replace("\\]", "]")
