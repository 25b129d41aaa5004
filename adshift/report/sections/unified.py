"""One model for several categories against one model each; one threshold for all against one each."""

from __future__ import annotations

from adshift.metrics.resampling import Difference
from adshift.report.cells import Cell
from adshift.report.comparisons import P_TITLES, Compared, explained, written
from adshift.report.document import Plot, Section
from adshift.report.findings import about
from adshift.report.plots.whiskers import whiskers
from adshift.report.sections.marks import gap_marks
from adshift.report.sections.named import unified_name
from adshift.report.study import Series, Study, contrast
from adshift.report.tables import MAIN, NAMES, Table, grouped, level

COMPARED = (*MAIN, "image_f1", "recall", "specificity")
Gaps = dict[str, dict[str, Difference]]


def section(study: Study) -> Section | None:
    """Unified minus per-category at equal detector, coreset and condition, for both scopes of the threshold."""
    pairs = _pairs(study)
    scopes = _scopes(study)
    if not pairs and not scopes:
        return None
    tables: list[Table] = []
    findings = []
    if pairs:
        rows = [row for name, (own, unified, gaps) in pairs.items() for row in _rows(name, own, unified, gaps)]
        caption = (
            "Unified against per-category models on the same test images, percent; difference in points [95 % interval], "
            f"{explained(rows)}."
        )
        header = ("category", "setting", "figure", "per category", "unified", "difference", *P_TITLES)
        tables.append(Table("unified", caption, header, written(grouped(rows)), 3))
        findings += [
            about(f"{name}, unified instead of per-category", MAIN, gaps) for name, (_, _, gaps) in pairs.items()
        ]
    if scopes:
        rows = [row for name, (own, shared, gaps) in scopes.items() for row in _scope_rows(name, own, shared, gaps)]
        caption = (
            "One global threshold (absolute-unified) against one a category (model-unified), same model: percent; "
            f"difference in points [95 % interval], {explained(rows)}."
        )
        header = ("category", "setting", "figure", "own threshold", "global", "difference", *P_TITLES)
        tables.append(Table("unified_scope", caption, header, written(grouped(rows)), 3))
        findings += [
            about(f"{name}, global threshold instead of one a category", ("image_f1", "recall", "specificity"), gaps)
            for name, (_, _, gaps) in scopes.items()
        ]
    plot = Plot(
        "unified",
        "Unified minus per-category, in points with 95 % paired intervals.",
        f"Dot plot of the gap in {', '.join(NAMES[n] for n in MAIN)} by category; the values are in the first table of "
        "this section.",
        lambda: whiskers(
            {NAMES[n]: {name: gap_marks(gaps, n) for name, (_, _, gaps) in pairs.items()} for n in MAIN},
            "points",
            zero=True,
        ),
    )
    lead = "One model fitted on the pooled normal images of all categories, and the choice of one threshold or several."
    title = "Unified against per-category"
    return Section("unified", title, lead, tuple(filter(None, findings)), tuple(tables), (plot,) if pairs else ())


def _settings(study: Study) -> list[Cell]:
    """A cell for each unified setting, whatever its scope."""
    found: dict[tuple[object, ...], Cell] = {}
    for cell in study.cells:
        if cell.unified:
            found.setdefault((*_factors(cell).values(), cell.categories), cell)
    return list(found.values())


def _factors(cell: Cell) -> dict[str, object]:
    """What a unified model and those of single categories have in common."""
    names = ("detector", "domain", "adaptation", "coreset", "threshold", "severity", "domain_seed", "seed")
    return {name: getattr(cell, name) for name in names}


def _unified(study: Study, setting: Cell, scope: str) -> Series:
    cells = study.select(**_factors(setting), categories=setting.categories, scope=scope)
    return Series({category: cell for cell in cells[:1] for category in cell.categories})


def _pairs(study: Study) -> dict[str, tuple[Series, Series, Gaps]]:
    found = {}
    for setting in _settings(study):
        cells = {c: cell for cell in study.select(**_factors(setting), unified=False) for c in cell.categories}
        own = Series({c: cells[c] for c in study.categories if c in cells})
        unified = _unified(study, setting, "category")
        gaps = contrast(unified, own) if own and unified else {}
        if gaps:
            found[unified_name(study, setting)] = (own, unified, gaps)
    return found


def _scopes(study: Study) -> dict[str, tuple[Series, Series, Gaps]]:
    found = {}
    for setting in _settings(study):
        own, shared = _unified(study, setting, "category"), _unified(study, setting, "global")
        gaps = contrast(shared, own) if own and shared else {}
        if gaps:
            found[unified_name(study, setting)] = (own, shared, gaps)
    return found


def _rows(name: str, a: Series, b: Series, gaps: Gaps, figures: tuple[str, ...] = COMPARED) -> list[Compared]:
    a, b = a.only(gaps), b.only(gaps)
    return [
        (group, name, NAMES[n], level(a.groups[group], n), level(b.groups[group], n), d[n])
        for group, d in gaps.items()
        for n in figures
        if d[n].estimate is not None
    ]


def _scope_rows(name: str, own: Series, shared: Series, gaps: Gaps) -> list[Compared]:
    return _rows(name, own, shared, gaps, ("image_f1", "precision", "recall", "specificity"))
