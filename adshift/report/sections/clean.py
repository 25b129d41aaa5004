"""How good the detectors are where nothing has changed."""

from __future__ import annotations

from itertools import combinations

from adshift.report.comparisons import P_TITLES, Compared, explained, written
from adshift.report.document import Plot, Section
from adshift.report.findings import ADVANTAGE, about
from adshift.report.plots.whiskers import whiskers
from adshift.report.sections.marks import level_marks
from adshift.report.study import MEAN, Series, Study, contrast
from adshift.report.tables import MAIN, NAMES, NONE, RANK, Row, Table, grouped, level
from adshift.shift.names import CLEAN

IMAGE = ("image_auroc", "image_ap")
PIXEL = ("pixel_auroc", "pixel_ap", "pro_030", "pro_005")


def section(study: Study) -> Section | None:
    """Clean figures of every detector at its reference coreset, and the paired differences between detectors."""
    found = {detector: study.series(detector, CLEAN) for detector in study.detectors}
    found = {detector: series for detector, series in found.items() if series}
    if not found:
        return None
    versus, findings = _versus(found)
    tables = (_levels("clean_image", "Image level", found, IMAGE), _levels("clean_pixel", "Pixel level", found, PIXEL))
    plot = Plot(
        "clean",
        "Clean domain: figures with 95 % intervals.",
        f"Dot plot of {', '.join(NAMES[n] for n in MAIN)} by category for {', '.join(found)}; the values are in the "
        "tables of this section.",
        lambda: whiskers({NAMES[n]: {d: level_marks(s.groups, n) for d, s in found.items()} for n in MAIN}, "percent"),
    )
    lead = "Fitted, calibrated and tested on clean images, one model a category: what any shift is measured against."
    return Section("clean", "Clean domain", lead, findings, (*tables, *versus), (plot,))


def _levels(name: str, what: str, found: dict[str, Series], names: tuple[str, ...]) -> Table:
    groups = list(dict.fromkeys(group for series in found.values() for group in series.groups))
    rows = [
        (group, detector, *_tested(series, group), *(level(series.groups[group], n) for n in names))
        for group in groups
        for detector, series in found.items()
        if group in series.groups
    ]
    caption = f"{what}, clean domain, percent [95 % interval]; tested: normal + anomalous images."
    return Table(name, caption, ("category", "detector", "tested", *(NAMES[n] for n in names)), grouped(rows), heads=2)


def _tested(series: Series, group: str) -> Row:
    if group == MEAN:
        return (NONE,)
    counts = series.cells[group].run.result["counts"].get(group, {})
    return (f"{counts.get('test_normal', NONE)} + {counts.get('test_anomalous', NONE)}",)


def _versus(found: dict[str, Series]) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    rows: list[Compared] = []
    findings = []
    for a, b in combinations(found, 2):
        gaps = contrast(found[a], found[b])
        for group, differences in gaps.items():
            for n in RANK:
                rows.append((group, f"{a} − {b}", NAMES[n], differences[n]))
        findings.append(about(f"{a} against {b}, clean", MAIN, gaps, ADVANTAGE))
    header = ("category", "comparison", "figure", "difference", *P_TITLES)
    caption = f"Detectors compared on the same clean images: difference in points [95 % interval], {explained(rows)}."
    tables = (Table("clean_detectors", caption, header, written(grouped(rows)), heads=3),) if rows else ()
    return tables, tuple(filter(None, findings))
