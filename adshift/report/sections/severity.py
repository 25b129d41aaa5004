"""How the figures fall as the shift grows."""

from __future__ import annotations

from adshift.report.comparisons import P_TITLES, UNDEFINED, Compared, explained, written
from adshift.report.document import Plot, Section
from adshift.report.findings import along
from adshift.report.plots.lines import LinePanel, Point, lines
from adshift.report.sections.marks import point
from adshift.report.study import MEAN, Series, Study, contrast
from adshift.report.tables import NAMES, Table, grouped, level
from adshift.shift.names import CLEAN

SHOWN = ("image_auroc", "pixel_auroc", "pro_030", "image_f1")
Curve = dict[float, Series]


def section(study: Study) -> Section | None:
    """Every detector and regime with at least two severities beyond 0 of the main domain; clean stands for severity 0."""
    domain = study.main_domain
    curves = _curves(study, domain)
    if not curves:
        return None
    rows: list[Compared] = []
    findings = []
    for (detector, regime), curve in curves.items():
        base = curve.get(0.0)
        steps = {}
        for severity, series in curve.items():
            gaps = contrast(series, base) if base is not None and severity else {}
            for group, figures in series.groups.items():
                d = gaps.get(group, {}).get("image_auroc", UNDEFINED)
                rows.append((group, detector, regime, f"{severity:g}", *(level(figures, n) for n in SHOWN), d))
            steps[f"{severity:g}"] = gaps
        subject = f"{detector}, {regime}, against clean"
        findings += [along(subject, "severity", n, steps) for n in ("image_auroc", "pro_030")]
    shown = (NAMES[n] for n in SHOWN)
    header = ("category", "detector", "regime", "severity", *shown, "image AUROC − clean", *P_TITLES)
    caption = (
        f"Severity of {domain} (0 = clean, 1 = the study's ranges), percent [95 % interval]; last columns: change of image "
        f"AUROC from clean in points, {explained(rows)}."
    )
    plot = Plot(
        "severity",
        f"Figures against the severity of {domain}, with 95 % intervals.",
        f"Line plots of {', '.join(NAMES[n] for n in SHOWN)} against severity; the values are in the table.",
        lambda: lines(_panels(curves), columns=2),
    )
    lead = "Every range of the shift is scaled about the identity; each image keeps its direction and goes further."
    return Section("severity", "Severity of the shift", lead, tuple(filter(None, findings)),
                   (Table("severity", caption, header, written(grouped(rows)), 4),), (plot,))  # fmt: skip


def _curves(study: Study, domain: str) -> dict[tuple[str, str], Curve]:
    found = {}
    for detector in study.detectors:
        for regime in dict.fromkeys(c.adaptation for c in study.cells if c.domain == domain):
            steps = sorted({c.severity for c in study.cells if c.domain == domain and c.severity > 0})
            by_step = {s: study.series(detector, domain, regime, severity=s) for s in steps}
            several = [c for c in study.categories if sum(c in s.cells for s in by_step.values()) > 1]
            curve = {0.0: study.series(detector, CLEAN)} | by_step
            curve = {s: series.only(several) for s, series in curve.items() if series.only(several)}
            if several:
                found[detector, regime] = curve
    return found


def _panels(curves: dict[tuple[str, str], Curve]) -> list[LinePanel]:
    panels = []
    for n in SHOWN:
        series: dict[str, list[Point]] = {}
        for (detector, regime), curve in curves.items():
            for severity, found in curve.items():
                for group, figures in found.groups.items():
                    if group == MEAN or len(found.cells) == 1:
                        who = group if group != MEAN else f"mean of {len(found.cells)}"
                        series.setdefault(f"{detector}, {regime}, {who}", []).extend(point(severity, figures, n))
        panels.append(LinePanel("severity", f"{NAMES[n]} (%)", series))
    return panels
