"""Which threshold keeps what it promises."""

from __future__ import annotations

from adshift.repairs.worth import promise_broken
from adshift.report.cells import Cell
from adshift.report.document import Plot, Section
from adshift.report.findings import promise
from adshift.report.plots.whiskers import Mark, whiskers
from adshift.report.study import Study
from adshift.report.tables import NAMES, NONE, Row, Table, grouped, level
from adshift.shift.names import CLEAN

SHOWN = ("image_f1", "precision", "recall", "accuracy")
Place = tuple[str, str, Cell]
"""Condition, category and the cell that holds it."""


def section(study: Study) -> Section | None:
    """Every threshold rule of the per-category models: promised and realised false-alarm rate, F1, precision, recall."""
    rows: list[Row] = []
    findings: list[str] = []
    panels: dict[str, dict[str, dict[str, Mark]]] = {}
    for detector in study.detectors:
        for threshold in dict.fromkeys(c.threshold for c in study.cells):
            places = _places(study, detector, threshold)
            findings += _promises(f"{detector}, {threshold}", places)
            for condition, category, cell in places:
                rows.append(_row(detector, condition, category, cell))
                mark = _mark(cell, category)
                if mark is not None:
                    panels.setdefault(f"{detector}, {threshold}", {}).setdefault(condition, {})[category] = mark
    if not rows:
        return None
    caption = (
        "Decisions at the calibrated threshold, percent; realised: share of the normal test images called anomalous "
        "[exact 95 % interval]; promised: – where the rule promises nothing."
    )
    header = ("category", "detector", "condition", "threshold", "promised", "realised", "verdict",
              *(NAMES[n] for n in SHOWN))  # fmt: skip
    plot = Plot(
        "false_alarms",
        "Realised false-alarm rate of each condition [exact 95 % interval].",
        "Dot plot of the realised false-alarm rate by category and condition; the values are in the table of decisions.",
        lambda: whiskers(panels, "false alarms (%)", columns=2),
    )
    lead = "A promise of a false-alarm rate can hold only where calibration and test images come from one domain."
    return Section("decisions", "Thresholds: promised and realised", lead, tuple(findings),
                   (Table("decisions", caption, header, grouped(rows), 4),), (plot,) if panels else ())  # fmt: skip


def _places(study: Study, detector: str, threshold: str) -> list[Place]:
    settings = [(CLEAN, "none"), *((study.main_domain, regime) for regime in study.regimes if study.main_domain)]
    found: list[Place] = []
    for domain, regime in settings:
        series = study.series(detector, domain, regime, threshold=threshold)
        for category, cell in series.cells.items():
            if cell.figures[category].values.get("false_alarm_rate") is not None:
                found.append((cell.condition, category, cell))
    return found


def _rates(cell: Cell, category: str) -> tuple[float | None, float | None, tuple[float, float] | None]:
    thresholds = cell.run.result["threshold"]
    promised = thresholds.get(category, thresholds.get("global", {})).get("promised_rate")
    values = cell.figures[category].values
    exact, rate = values.get("false_alarm_rate_exact_ci"), values.get("false_alarm_rate")
    return (
        promised,
        rate if isinstance(rate, float | int) else None,
        (exact[0], exact[1]) if isinstance(exact, list) else None,
    )


def _row(detector: str, condition: str, category: str, cell: Cell) -> Row:
    promised, _, exact = _rates(cell, category)
    values = cell.figures[category]
    broken = promise_broken(promised, exact)
    verdict = NONE if broken is None else "broken" if broken else "not broken"
    return (category, detector, condition, cell.threshold, NONE if promised is None else f"{100 * promised:.1f}",
            level(values, "false_alarm_rate"), verdict, *(level(values, n) for n in SHOWN))  # fmt: skip


def _promises(subject: str, places: list[Place]) -> list[str]:
    """A sentence a condition: each promise of a single category, a count where there are several."""
    said = []
    for condition in dict.fromkeys(c for c, _, _ in places):
        known = [(category, *_rates(cell, category)) for c, category, cell in places if c == condition]
        kept = [(c, p, r, e) for c, p, r, e in known if p is not None and r is not None and e is not None]
        if len(kept) == 1:
            category, promised, rate, exact = kept[0]
            said.append(promise(f"{subject}, {condition}, {category}", promised, rate, exact))
        elif kept:
            broken = sum(exact[0] > promised for _, promised, _, exact in kept)
            promises, rates = {f"{100 * p:.1f}" for _, p, _, _ in kept}, [100 * r for _, _, r, _ in kept]
            said.append(
                f"{subject}, {condition}: {' / '.join(sorted(promises))} % promised; shown to be broken in {broken} of "
                f"{len(kept)} categories (realised {min(rates):.1f} to {max(rates):.1f} %)."
            )
    return said


def _mark(cell: Cell, category: str) -> Mark | None:
    _, rate, exact = _rates(cell, category)
    if rate is None:
        return None
    low, high = (None, None) if exact is None else (100 * exact[0], 100 * exact[1])
    return Mark(100 * rate, low, high)
