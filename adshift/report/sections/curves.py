"""The curves behind the figures: ROC, precision and recall, histograms of the scores."""

from __future__ import annotations

from adshift.report.cells import Scores
from adshift.report.document import Plot, Section
from adshift.report.plots.curves import Ranked, roc_pr
from adshift.report.plots.histograms import histograms
from adshift.report.study import Series, Study
from adshift.report.tables import level
from adshift.shift.names import CLEAN

DRAWN = (CLEAN, "none", "full")
"""Conditions whose rankings differ: a new threshold alone moves no curve."""
Conditions = dict[str, dict[str, Series]]
"""detector -> condition -> series."""


def section(study: Study) -> Section | None:
    """A plot of ROC and PR and one of histograms for every category with scores of both classes."""
    plots: list[Plot] = []
    for place, category in enumerate(study.categories):
        conditions = {d: _with_scores(study, d, category) for d in study.detectors}
        conditions = {d: found for d, found in conditions.items() if found}
        if not conditions:
            continue
        settings = "; ".join(f"{d}: {', '.join(found)}" for d, found in conditions.items())
        plots.append(
            Plot(
                f"roc_pr_{place}",
                f"{category}: ROC and precision-recall curves over the test images; the legend gives the figure "
                "[95 % interval].",
                f"Curves of {category} for {settings}. The areas are in the tables of the clean and the shifted domain.",
                lambda conditions=conditions, category=category: roc_pr(_ranked(conditions, category)),  # type: ignore[misc]
            )
        )
        plots.append(
            Plot(
                f"histogram_{place}",
                f"{category}: image scores of the test set and the threshold of each condition.",
                f"Histograms of normal and anomalous scores of {category} for {settings}, the threshold as a dashed line.",
                lambda conditions=conditions, category=category: histograms(_scores(conditions, category)),  # type: ignore[misc]
            )
        )
    if not plots:
        return None
    lead = "One pair of plots a category. Where the classes overlap, no threshold separates them."
    return Section("curves", "Curves and scores", lead, plots=tuple(plots))


def _with_scores(study: Study, detector: str, category: str) -> dict[str, Series]:
    found = study.conditions(detector, study.main_domain, threshold=study.threshold)
    return {
        name: s for name, s in found.items() if category in s.cells and _both(s.cells[category].scores.get(category))
    }


def _both(scores: Scores | None) -> bool:
    return scores is not None and len(set(scores.label_N.tolist())) == 2


def _scores(conditions: Conditions, category: str) -> dict[str, dict[str, Scores]]:
    return {
        d: {name: s.cells[category].scores[category] for name, s in found.items()} for d, found in conditions.items()
    }


def _ranked(conditions: Conditions, category: str) -> dict[str, dict[str, Ranked]]:
    curves: dict[str, dict[str, Ranked]] = {}
    for detector, found in conditions.items():
        for name, series in found.items():
            if name.rpartition(", ")[2] in DRAWN:
                scores, figures = series.cells[category].scores[category], series.cells[category].figures[category]
                told = (level(figures, n) for n in ("image_auroc", "image_ap"))
                curves.setdefault(detector, {})[name] = Ranked(scores.label_N, scores.score_N, *told)
    return curves
