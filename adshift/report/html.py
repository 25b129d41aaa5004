"""The report as one self-contained page: no network, no framework, every name escaped."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from html import escape
from string import Template

from adshift.report.document import Embedded, Plot, Report, Section
from adshift.report.page import content_hash, page_part
from adshift.report.plots.style import BLUE, FAINT, GREEN, INK, PURPLE, VERMILION
from adshift.report.tables import Row, Table
from adshift.report.thumbnails import Gallery

DARK = {INK: "#e4e5e7", FAINT: "#3a3f46", BLUE: "#4da6e0", VERMILION: "#ff8b4d", GREEN: "#2fc79a", PURPLE: "#d995b8"}
"""What the plots' colours become on a dark page: as far apart as on paper, and lighter."""
FIGURE = re.compile(r"([^\[]+)(\[[^\]]*\])(.*)", re.DOTALL)
"""A figure, its interval, and what follows."""
ORDERS = (("high", "score, highest first"), ("low", "score, lowest first"), ("close", "nearest to the threshold"),
          ("name", "file name"))  # fmt: skip
OUTCOMES = (("wrong", "wrong (FP and FN)"), ("TP", "found (TP)"), ("FP", "false alarm (FP)"), ("FN", "missed (FN)"),
            ("TN", "passed (TN)"))  # fmt: skip


def adaptive_svg(svg: str) -> str:
    """A plot's SVG that follows the reader's colour scheme: its paper goes, its colours become variables."""
    svg = svg.replace("fill: #ffffff", "fill: none")
    light = ";".join(f"--c{i}:{c}" for i, c in enumerate(DARK))
    dark = ";".join(f"--c{i}:{c}" for i, c in enumerate(DARK.values()))
    for i, colour in enumerate(DARK):
        svg = re.sub(rf'{colour}(?=[;"\s])', f"var(--c{i})", svg, flags=re.IGNORECASE)
    style = f"<style>svg{{{light}}}@media (prefers-color-scheme: dark){{svg{{{dark}}}}}</style>"
    return re.sub(r"(<svg\b[^>]*>)", lambda m: m.group(1) + style, svg, count=1)


def svg_uri(svg: str) -> str:
    """An SVG as a data URI."""
    return "data:image/svg+xml;base64," + base64.b64encode(adaptive_svg(svg).encode()).decode()


def page(report: Report, pictures: Mapping[str, Embedded], gallery: Gallery) -> str:
    """The page.

    Args:
        report: what it says.
        pictures: the drawn plots by name; others are left out.
        gallery: its cards; empty leaves the gallery out.
    """
    style, script = page_part("style.css"), page_part("page.js")
    brief = [(s, line) for s in report.sections for line in s.findings[: s.brief] if s.name != "runs"]
    body = [_brief(brief)] if brief else []
    body += [_section(section, pictures) for section in report.sections]
    contents = [("findings", "Findings")] if brief else []
    contents += [(s.name, s.title) for s in report.sections]
    data = ""
    if gallery.cards:
        body.append(_gallery(gallery))
        contents.append(("gallery", "Picture gallery"))
        data = f'<script type="application/json" id="gallery-data">{json_text(gallery.plain())}</script>'
    body += [_notes(report.notes)] if report.notes else []
    return Template(page_part("template.html")).substitute(
        title=escape(report.title),
        summary=_text(report.summary),
        style=style,
        style_hash=content_hash(style),
        script=script,
        script_hash=content_hash(script),
        contents="\n".join(f'<li><a href="#{escape(name)}">{escape(title)}</a></li>' for name, title in contents),
        body="\n".join(body),
        data=data,
        footer=_text(report.made_by),
    )


def json_text(value: object) -> str:
    """JSON that may stand inside a script element, whatever its strings hold."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return re.sub(r"[<>&\u2028\u2029]", lambda sign: f"\\u{ord(sign.group()):04x}", text)


def _brief(findings: list[tuple[Section, str]]) -> str:
    lines = "\n".join(
        f'<li>{_text(line)} <a class="ref" href="#{escape(s.name)}">{escape(s.title)}</a></li>' for s, line in findings
    )
    return (
        '<section id="findings" aria-labelledby="h-findings"><h2 id="h-findings">Findings</h2>'
        "<p>Written from the figures. A change is claimed only where its 95 % interval excludes 0.</p>"
        f'<ul class="findings">{lines}</ul></section>'
    )


def _section(section: Section, pictures: Mapping[str, Embedded]) -> str:
    name = escape(section.name)
    parts = [f'<section id="{name}" aria-labelledby="h-{name}"><h2 id="h-{name}">{escape(section.title)}</h2>',
             f"<p>{_text(section.lead)}</p>"]  # fmt: skip
    if section.findings:
        parts.append('<ul class="findings">' + "".join(f"<li>{_text(f)}</li>" for f in section.findings) + "</ul>")
    parts += [_plot(plot, pictures[plot.name]) for plot in section.plots if plot.name in pictures]
    parts += [_table(table) for table in section.tables]
    return "\n".join([*parts, "</section>"])


def _plot(plot: Plot, picture: Embedded) -> str:
    name = escape(plot.name)
    kind = _class("photo" if plot.raster else "small" if picture.narrow else "")
    return (
        f'<figure id="f-{name}"><figcaption id="c-{name}">{_text(plot.caption)}</figcaption>'
        f'<div class="scroll plot" role="region" tabindex="0" aria-labelledby="c-{name}">'
        f'<img{kind} src="{picture.uri}" alt="{escape(plot.alt)}"></div></figure>'
    )


def _table(table: Table) -> str:
    name = escape(table.name)
    titles = "".join(
        f'<th scope="col"{_class("head" if i < table.heads else "")}>{escape(title)}</th>'
        for i, title in enumerate(table.header)
    )
    before: list[Row] = [(), *table.rows][: len(table.rows)]
    rows = "".join(_row(row, last, table.heads) for row, last in zip(table.rows, before, strict=True))
    return (
        f'<figure id="t-{name}"><figcaption id="c-{name}">{_text(table.caption)}</figcaption>'
        f'<div class="scroll" role="region" tabindex="0" aria-labelledby="c-{name}"><table aria-labelledby="c-{name}">'
        f"<thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div></figure>"
    )


def _text(words: str) -> str:
    """Escaped prose; a number keeps its percent sign on its line."""
    return re.sub(r"(?<=\d) %", "\u00a0%", escape(words))


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""


def _row(row: Row, before: Row, heads: int) -> str:
    cells = []
    for i, text in enumerate(row):
        if i < heads:
            same = before[: i + 1] == row[: i + 1]
            kinds = " ".join(k for k in ("head", "long" if len(text) > 40 else "", "same" if same else "") if k)
            tag = 'th scope="row"' if i == 0 else "td"
            cells.append(f"<{tag}{_class(kinds)}>{escape(text)}</{tag[:2]}>")
        else:
            cells.append(f"<td>{_figure(text)}</td>")
    return f"<tr{_class('new' if before and before[0] != row[0] else '')}>{''.join(cells)}</tr>"


def _figure(text: str) -> str:
    """A cell with its interval set softer."""
    found = FIGURE.fullmatch(text)
    if found is None:
        return escape(text)
    return f'{escape(found.group(1))}<span class="ci">{escape(found.group(2))}</span>{escape(found.group(3))}'


def _select(name: str, label: str, options: tuple[tuple[str, str], ...], wide: bool = False) -> str:
    inside = "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options)
    return f'<label{_class("wide" if wide else "")}>{escape(label)}<select id="g-{name}">{inside}</select></label>'


def _gallery(gallery: Gallery) -> str:
    everything = (("", "all"),)
    controls = [
        _select("run", "Run", everything, wide=True),
        _select("category", "Category", everything),
        _select("defect", "Defect", everything),
        _select("outcome", "Outcome", (*everything, *OUTCOMES)),
        _select("sort", "Order", ORDERS),
        '<label class="tick"><input type="checkbox" id="g-map" checked>Anomaly map</label>',
        '<label class="tick"><input type="checkbox" id="g-outline" checked>Ground-truth outline</label>',
    ]
    return (
        '<section id="gallery" aria-labelledby="h-gallery"><h2 id="h-gallery">Picture gallery</h2>'
        f"<p>{len(gallery.cards)} of {gallery.scored} scored test images, from the runs that saved their maps: for each "
        "category and domain the images that most runs got wrong, the rest spread evenly over the scores. Scores "
        "compare within one run; the map's colours span the range of its run and category.</p>"
        f'<div class="controls" role="group" aria-label="Gallery controls">{"".join(controls)}</div>'
        '<p class="status" id="g-status" role="status" aria-live="polite"></p>'
        "<noscript><p>The gallery needs JavaScript; the examples above and the figures folder do not.</p></noscript>"
        '<ul class="cards" id="cards" aria-label="Pictures"></ul>'
        '<button class="more" id="g-more" type="button" hidden>Show more</button></section>'
    )


def _notes(notes: tuple[str, ...]) -> str:
    lines = "".join(f"<li>{_text(note)}</li>" for note in notes)
    return (
        '<section id="notes" aria-labelledby="h-notes"><h2 id="h-notes">Left out</h2>'
        f'<ul class="findings">{lines}</ul></section>'
    )
