"""Which part of the shift does the harm: geometry, photometry, illumination."""

from __future__ import annotations

from adshift.report.comparisons import P_TITLES, Compared, explained, written
from adshift.report.document import Plot, Section
from adshift.report.findings import about
from adshift.report.plots.whiskers import Mark, whiskers
from adshift.report.sections.marks import gap_marks
from adshift.report.study import Study, contrast
from adshift.report.tables import MAIN, NAMES, Table, grouped, level
from adshift.shift.names import CLEAN


def section(study: Study) -> Section | None:
    """Every shifted domain against clean under no adaptation; needs two domains."""
    if len(study.domains) < 2:
        return None
    rows: list[Compared] = []
    findings = []
    panels: dict[str, dict[str, dict[str, Mark]]] = {NAMES[n]: {} for n in MAIN}
    several = len(study.detectors) > 1
    for detector in study.detectors:
        clean = study.series(detector, CLEAN)
        for domain in study.domains:
            shifted = study.series(detector, domain)
            gaps = contrast(shifted, clean) if shifted and clean else {}
            for group, d in gaps.items():
                after = shifted.only(gaps).groups[group]
                rows += [(group, detector, domain, NAMES[n], level(after, n), d[n]) for n in MAIN]
            if gaps:
                for n in MAIN:
                    panels[NAMES[n]][f"{detector}, {domain}" if several else domain] = gap_marks(gaps, n)
            if domain != study.main_domain:  # whose sentence stands with its own section
                findings.append(about(f"{detector}, from clean to {domain}", MAIN, gaps))
    if not rows:
        return None
    caption = f"Parts of the shift against clean, percent; change in points [95 % interval], {explained(rows)}."
    header = ("category", "detector", "domain", "figure", "level", "change from clean", *P_TITLES)
    plot = Plot(
        "components",
        "Change from clean under each part of the shift, in points with 95 % paired intervals.",
        "Dot plot of the change by category and part of the shift; the values are in the table of this section.",
        lambda: whiskers(panels, "points", zero=True),
    )
    lead = "The same images turned, lit or photographed differently, one family of the shift at a time, without adaptation."
    return Section("components", "Parts of the shift", lead, tuple(filter(None, findings)),
                   (Table("components", caption, header, written(grouped(rows)), 4),), (plot,))  # fmt: skip
