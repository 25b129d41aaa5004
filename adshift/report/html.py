"""The report as one self-contained page: no network, no framework, every name escaped."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from adshift.report.document import Embedded, Report
from adshift.report.page import render
from adshift.report.plots.style import BLUE, FAINT, GREEN, INK, PURPLE, VERMILION
from adshift.report.thumbnails import Gallery

DARK = {INK: "#e4e5e7", FAINT: "#3a3f46", BLUE: "#4da6e0", VERMILION: "#ff8b4d", GREEN: "#2fc79a", PURPLE: "#d995b8"}
"""What the plots' colours become on a dark page: as far apart as on paper, and lighter."""


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
    return render("report.html", title=report.title, report=report, pictures=pictures, gallery=gallery)
