"""How far detection and localisation fall when the domain shifts and nothing is done."""

from __future__ import annotations

from adshift.metrics.resampling import Difference
from adshift.report.comparisons import P_TITLES, Compared, explained, written
from adshift.report.document import Plot, Section
from adshift.report.findings import about
from adshift.report.plots.whiskers import whiskers
from adshift.report.sections.marks import gap_marks
from adshift.report.study import Series, Study, contrast
from adshift.report.tables import MAIN, NAMES, Table, grouped, level
from adshift.shift.names import CLEAN

Gaps = dict[str, dict[str, Difference]]


def section(study: Study) -> Section | None:
    """Shifted minus clean of every detector under no adaptation."""
    domain = study.main_domain
    pairs: dict[str, tuple[Series, Series, Gaps]] = {}
    for detector in study.detectors:
        clean, shifted = study.series(detector, CLEAN), study.series(detector, domain)
        gaps = contrast(shifted, clean)
        if gaps:
            pairs[detector] = (clean, shifted, gaps)
    if not pairs:
        return None
    findings = [about(f"{detector}, from clean to {domain}", MAIN, gaps) for detector, (_, _, gaps) in pairs.items()]
    plot = Plot(
        "degradation",
        f"From clean to {domain} without adaptation: change in points with 95 % paired intervals.",
        f"Dot plot of the change in {', '.join(NAMES[n] for n in MAIN)} by category; the values are in the tables of "
        "this section.",
        lambda: whiskers(
            {NAMES[n]: {d: gap_marks(gaps, n) for d, (_, _, gaps) in pairs.items()} for n in MAIN}, "points", zero=True
        ),
    )
    lead = (
        f"The model and its threshold stay as they were fitted on clean images; the test images come from the domain "
        f"“{domain}” at severity {study.severity:g}{study.which_draw(domain)}."
    )
    tables = tuple(_table(domain, n, pairs) for n in MAIN)
    return Section("degradation", "From clean to shifted", lead, tuple(filter(None, findings)), tables, (plot,))


def _table(domain: str, name: str, pairs: dict[str, tuple[Series, Series, Gaps]]) -> Table:
    rows: list[Compared] = []
    for group in dict.fromkeys(g for _, _, gaps in pairs.values() for g in gaps):
        for detector, (clean, shifted, gaps) in pairs.items():
            if group in gaps:
                kept = set(gaps)
                before, after = (series.only(kept).groups[group] for series in (clean, shifted))
                rows.append((group, detector, level(before, name), level(after, name), gaps[group][name]))
    caption = f"{NAMES[name]} from clean to {domain}, percent; change in points [95 % interval], {explained(rows)}."
    header = ("category", "detector", CLEAN, domain, "change", *P_TITLES)
    return Table(f"degradation_{name}", caption, header, written(grouped(rows)), heads=2)
