"""What a smaller memory bank costs in accuracy and saves in time and memory."""

from __future__ import annotations

from adshift.metrics.resampling import Difference
from adshift.report.comparisons import P_TITLES, UNDEFINED, Compared, explained, written
from adshift.report.document import Plot, Section
from adshift.report.findings import about
from adshift.report.plots.lines import LinePanel, Point, lines
from adshift.report.sections.marks import point
from adshift.report.study import Series, Study, contrast
from adshift.report.tables import MAIN, NAMES, NONE, Table, at, grouped, level, number, ratio_text
from adshift.shift.names import CLEAN

Sweep = dict[float, Series]
COSTS = (("memory bank (MB)", ("memory", "bank_mb")), ("fit (s)", ("timing", "fit")))


def section(study: Study) -> Section | None:
    """Every detector and condition with several coreset ratios, over the categories that have them."""
    sweeps = _sweeps(study)
    if not sweeps:
        return None
    rows: list[Compared] = []
    findings = []
    for (detector, condition), sweep in sweeps.items():
        largest = max(sweep)
        for ratio in sorted(sweep):
            gaps = contrast(sweep[ratio], sweep[largest]) if ratio < largest else {}
            rows += _rows(detector, condition, ratio, sweep[ratio], gaps)
            subject = f"{detector}, {condition}, {ratio_text(ratio)} instead of {ratio_text(largest)}"
            findings.append(about(subject, ("image_auroc", "pro_030"), gaps))
    header = ("category", "detector", "condition", "coreset", "vectors", "MB", "fit (s)", "ms / image",
              *(NAMES[n] for n in MAIN), "image AUROC − largest", *P_TITLES)  # fmt: skip
    caption = (
        "Coreset ratio: cost, and figures in percent [95 % interval]; last columns: image AUROC minus that of the largest "
        f"ratio, in points, {explained(rows)}."
    )
    plot = Plot(
        "coreset",
        "Accuracy against cost over the coreset ratios, with 95 % intervals.",
        "Line plots of image AUROC and PRO against the memory bank's size and the time of the fit; the values are in "
        "the table of this section.",
        lambda: lines(_panels(sweeps), columns=2),
    )
    lead = "The share of training patches that PatchCore keeps, chosen greedily; PaDiM has no coreset."
    return Section("coreset", "Coreset ratio", lead, tuple(filter(None, findings)),
                   (Table("coreset", caption, header, written(grouped(rows)), 4),), (plot,))  # fmt: skip


def _sweeps(study: Study) -> dict[tuple[str, str], Sweep]:
    found = {}
    for detector in study.detectors:
        ratios = sorted({c.coreset for c in study.cells if c.detector == detector and c.coreset is not None})
        for domain, regime in dict.fromkeys((c.domain, c.adaptation) for c in study.cells):
            by_ratio = {r: study.series(detector, domain, regime, coreset=r) for r in ratios}
            several = [c for c in study.categories if sum(c in s.cells for s in by_ratio.values()) > 1]
            sweep = {r: s.only(several) for r, s in by_ratio.items() if s.only(several)}
            if len(sweep) > 1:
                found[detector, CLEAN if domain == CLEAN else f"{domain}, {regime}"] = sweep
    return found


def _rows(
    detector: str, condition: str, ratio: float, series: Series, gaps: dict[str, dict[str, Difference]]
) -> list[Compared]:
    rows: list[Compared] = []
    for group, figures in series.groups.items():
        result = series.cells[group].run.result if group in series.cells else {}
        latency = at(result, "timing", "ms_per_image", "1")
        d = gaps.get(group, {}).get("image_auroc", UNDEFINED)
        vectors = at(result, "memory", "bank_vectors")
        rows.append(
            (group, detector, condition, ratio_text(ratio), NONE if vectors is None else str(vectors),
             number(at(result, "memory", "bank_mb")), number(at(result, "timing", "fit")), number(latency),
             *(level(figures, n) for n in MAIN), d)
        )  # fmt: skip
    return rows


def _panels(sweeps: dict[tuple[str, str], Sweep]) -> list[LinePanel]:
    panels = []
    for figure in ("image_auroc", "pro_030"):
        for label, path in COSTS:
            series: dict[str, list[Point]] = {}
            for (detector, condition), sweep in sweeps.items():
                for ratio in sorted(sweep):
                    for category, cell in sweep[ratio].cells.items():
                        cost = at(cell.run.result, *path)
                        if isinstance(cost, int | float) and cost > 0:
                            name = f"{detector}, {condition}, {category}"
                            series.setdefault(name, []).extend(
                                point(cost, cell.figures[category], figure, ratio_text(ratio))
                            )
            if series:
                ordered = {name: sorted(points) for name, points in series.items()}
                panels.append(LinePanel(label, f"{NAMES[figure]} (%)", ordered, logarithmic="MB" in label))
    return panels
