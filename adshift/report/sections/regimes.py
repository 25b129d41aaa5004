"""What a new threshold and a new fit win back."""

from __future__ import annotations

from adshift.metrics.resampling import Difference, Share
from adshift.report.comparisons import P_TITLES, Compared, explained, written
from adshift.report.document import Plot, Section
from adshift.report.findings import about, main_group, recovery, where
from adshift.report.plots.whiskers import whiskers
from adshift.report.runs import REGIMES, regime_order
from adshift.report.sections.marks import level_marks
from adshift.report.study import Series, Study, contrast, shares
from adshift.report.tables import NAMES, Row, Table, grouped, level, recovered
from adshift.shift.names import CLEAN

SHOWN = ("image_auroc", "pixel_auroc", "pro_030", "image_f1", "recall", "false_alarm_rate")
TESTED = ("image_auroc", "pro_030", "image_f1", "recall", "specificity")
RECOVERED = ("image_auroc", "pro_030", "image_f1", "specificity")
PAIRS = (("threshold", "none"), ("full", "none"), ("full", "threshold"))
Conditions = dict[str, Series]


def _names(conditions: Conditions) -> list[str]:
    """``none``, then the regimes that there are, the study's first."""
    return sorted({"none", *(c.rpartition(", ")[2] for c in conditions if c != CLEAN)}, key=regime_order)


def _pairs(conditions: Conditions) -> list[tuple[str, str]]:
    """The study's comparisons, then each other regime with none and with the full refit."""
    others = [name for name in _names(conditions) if name not in REGIMES]
    return [*PAIRS, *((name, base) for name in others for base in ("none", "full"))]


def section(study: Study) -> Section | None:
    """The regimes under the main shifted domain; needs one beside ``none`` for at least one detector."""
    domain = study.main_domain
    found = {d: study.conditions(d, domain, threshold=study.threshold) for d in study.detectors}
    found = {d: c for d, c in found.items() if len(set(c) - {CLEAN}) > 1}
    if not found:
        return None
    tests, findings = _tests(domain, found)
    share_table, share_findings = _shares(domain, found)
    plots = tuple(_plot(i, detector, conditions) for i, (detector, conditions) in enumerate(found.items()))
    lead = (
        f"none: fitted and calibrated clean. threshold: fitted clean, calibrated in the domain “{domain}”"
        f"{study.which_draw(domain)}. full: fitted and calibrated there. Decisions by the threshold rule "
        f"“{study.threshold}”. A new threshold cannot change a rank figure: AUROC and PRO of none and threshold are the "
        "same scores."
    )
    tables = (_levels(domain, found), *tests, *share_table)
    return Section("regimes", "Adaptation regimes", lead, findings + share_findings, tables, plots)


def _levels(domain: str, found: dict[str, Conditions]) -> Table:
    rows: list[Row] = []
    groups = dict.fromkeys(g for conditions in found.values() for series in conditions.values() for g in series.groups)
    for group in groups:
        for detector, conditions in found.items():
            for condition, series in conditions.items():
                if group in series.groups:
                    figures = series.groups[group]
                    rows.append((group, detector, condition, *(level(figures, n) for n in SHOWN)))
    caption = (
        f"Regimes under {domain}, percent [95 % interval]; the false-alarm rate of a category with its exact "
        "(Clopper-Pearson) interval."
    )
    return Table(
        "regimes", caption, ("category", "detector", "condition", *(NAMES[n] for n in SHOWN)), grouped(rows), 3
    )


def _gaps(domain: str, conditions: Conditions, a: str, b: str) -> dict[str, dict[str, Difference]]:
    first, second = conditions.get(f"{domain}, {a}"), conditions.get(f"{domain}, {b}")
    return contrast(first, second) if first and second else {}


def _tests(domain: str, found: dict[str, Conditions]) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    rows: list[Compared] = []
    findings = []
    for detector, conditions in found.items():
        for a, b in _pairs(conditions):
            gaps = _gaps(domain, conditions, a, b)
            for group, differences in gaps.items():
                for n in TESTED:
                    d = differences[n]
                    if d.estimate is not None and not (d.estimate == 0 and d.interval == (0.0, 0.0)):
                        rows.append((group, detector, f"{a} − {b}", NAMES[n], d))
            told = (
                ("image_f1", "recall", "specificity")
                if "threshold" in (a, b)
                else ("image_auroc", "pro_030", "image_f1")
            )
            findings.append(about(f"{detector}, {a} instead of {b}", told, gaps))
    header = ("category", "detector", "comparison", "figure", "difference", *P_TITLES)
    caption = (
        f"Regimes compared under {domain}, identical figures left out: difference in points [95 % interval], "
        f"{explained(rows)}."
    )
    tables = (Table("regime_differences", caption, header, written(grouped(rows)), 4),) if rows else ()
    return tables, tuple(filter(None, findings))


def _shares(domain: str, found: dict[str, Conditions]) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    rows: list[Row] = []
    findings = []
    for detector, conditions in found.items():
        clean, none = conditions.get(CLEAN), conditions.get(f"{domain}, none")
        for regime in _names(conditions)[1:]:
            series = conditions.get(f"{domain}, {regime}")
            by_group: dict[str, dict[str, Share]] = (
                shares(series, none, clean, RECOVERED) if series and none and clean else {}
            )
            for group, found_shares in by_group.items():
                rows.append((group, detector, regime, *(recovered(found_shares[n]) for n in RECOVERED)))
            if by_group:
                names = RECOVERED if regime != "threshold" else ("image_f1", "specificity")
                told = by_group[main_group(by_group)]
                findings.append(recovery(f"{detector}, {where(by_group)}: {regime}", {n: told[n] for n in names}))
    if not rows:
        return (), ()
    caption = (
        "Share of the drop from clean that a regime recovers, (regime − none) / (clean − none), percent [95 % interval]; "
        "– where no drop is shown (its interval contains 0, or the figure rose)."
    )
    header = ("category", "detector", "regime", *(NAMES[n] for n in RECOVERED))
    return (Table("recovered", caption, header, grouped(rows), 3),), tuple(filter(None, findings))


def _plot(place: int, detector: str, conditions: Conditions) -> Plot:
    names = ("image_auroc", "image_f1", "recall", "false_alarm_rate")
    return Plot(
        f"regimes_{place}",
        f"{detector}: clean, and each regime in the shifted domain, with 95 % intervals.",
        f"Dot plot of {', '.join(NAMES[n] for n in names)} by category for {'; '.join(conditions)}; the values are in "
        "the table of regimes.",
        lambda: whiskers(
            {NAMES[n]: {c: level_marks(s.groups, n) for c, s in conditions.items()} for n in names},
            "percent",
            columns=2,
        ),
    )
