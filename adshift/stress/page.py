"""The stress test as a page: the answer, the curves, the pasted defects, every figure, and how it was done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from adshift.report.document import Plot, Report, Section
from adshift.report.plots.lines import LinePanel, Point, lines
from adshift.report.runs import percent
from adshift.report.tables import NAMES, Row, Table, level
from adshift.shift.names import CLEAN
from adshift.stress.cells import PIXEL, Cell, find
from adshift.stress.outcome import Outcome
from adshift.stress.pictures import pasted_plot
from adshift.stress.verdicts import sentence
from adshift.stress.words import HEADER, REPAIRS, advice, counted, harm, headline, outlines, overview_rows, promise
from adshift.trials.figures import IMAGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = (("false_alarm_rate", "false alarms (%)"), ("recall", "pasted defects found (%)"))


def make_page(outcome: Outcome) -> Report:
    """The report of a stress test."""
    parts = (_answer, _repairs, _components, _defects, _figures, _how)
    sections = [part(outcome) for part in parts]
    return Report(
        f"Stress test: {outcome.category}",
        f"{headline(outcome)} {promise(outcome)}",
        tuple(section for section in sections if section is not None),
        outcome.notes,
        made_by="Made by python -m adshift.stress. Intervals are 95 %. All defects are pasted.",
        answers=answers(outcome),
    )


def answers(outcome: Outcome) -> tuple[str, ...]:
    """What happens as the images are and after a change, and what to do then."""
    alarms, found = counted(outcome.cells[0])
    now = f"As the images are: {alarms} % false alarms, {found} % of the pasted defects found."
    return (now, outlines(outcome.cells[0]), *harm(outcome.cells), *advice(outcome.verdicts))


def _answer(outcome: Outcome) -> Section:
    caption = (
        "Which repair is worth it, and what happens without and after it. Percent of the good images and of those "
        "with a pasted defect [exact 95 % interval]."
    )
    lead = (
        "A change of severity 1 turns, shifts and shrinks the scene, changes its light, colours, sharpness and noise as "
        "the study's shift does; 0.5 is half as much. A repair is called worth it only where its gain in balanced accuracy "
        "(good and defective parts count alike) has an interval above 0, paired over the photographs."
    )
    return Section("answer", "What happens, and what to do", lead, (),
                   (Table("answer", caption, HEADER, overview_rows(outcome), 3),))  # fmt: skip


def _point(cell: Cell, name: str) -> Point:
    value, interval = cell.figures.point(name) or 0.0, cell.figures.values[f"{name}_exact_ci"]
    assert isinstance(interval, list)
    return Point(cell.severity, 100 * value, 100 * interval[0], 100 * interval[1])


def _curve(outcome: Outcome, component: str, repair: str, name: str) -> list[Point]:
    cells = [find(outcome.cells, CLEAN, 0.0, "none")]
    cells += [find(outcome.cells, component, severity, repair) for severity in outcome.plan.severities]
    return [_point(cell, name) for cell in cells if cell is not None]


def _panels(series: Callable[[str], dict[str, list[Point]]]) -> Figure:
    """False alarms beside recall, against severity."""
    return lines([LinePanel("severity", title, series(name)) for name, title in SHOWN], columns=2)


def _repairs(outcome: Outcome) -> Section | None:
    if not outcome.plan.severities:
        return None
    main = outcome.plan.components[0]
    plot = Plot(
        "repairs",
        f"{main}: false alarms and pasted defects found against severity, under each repair, with exact 95 % intervals.",
        "Two line plots; the values are in the table of all figures.",
        lambda: _panels(lambda name: {r: _curve(outcome, main, r, name) for r in outcome.plan.repairs}),
    )
    findings = tuple(sentence(found) for found in outcome.verdicts if found.component == main)
    lead = (
        "none: the detector as it was. threshold: good images are taken anew in the changed light and set a new threshold. "
        "full: the detector is fitted anew on them too."
    )
    return Section("repairs", "The repairs", lead, findings, (), (plot,))


def _components(outcome: Outcome) -> Section | None:
    if len(outcome.plan.components) < 2 or not outcome.plan.severities:
        return None
    plot = Plot(
        "components",
        "Without repair, by the part of the shift that acts, with exact 95 % intervals.",
        "Two line plots; the values are in the first table.",
        lambda: _panels(lambda name: {c: _curve(outcome, c, "none", name) for c in outcome.plan.components}),
    )
    main = outcome.plan.components[0]
    findings = tuple(sentence(found) for found in outcome.verdicts if found.component != main)
    lead = "Which part of the change does the harm: the pose, the camera's colours, blur and noise, or the light."
    return Section("components", "The parts of the change", lead, findings, (), (plot,))


def _defects(outcome: Outcome) -> Section:
    kinds = list(outcome.cells[0].recall_by_kind)
    rows: list[Row] = []
    for cell in outcome.cells:
        if cell.repair == "none" and cell.component in (CLEAN, outcome.plan.components[0]):
            counts = [f"{found} of {n}" for found, n in (cell.recall_by_kind[kind] for kind in kinds)]
            rows.append((cell.component, f"{cell.severity:g}", *counts))
    caption = "Pasted defects found without repair, by kind."
    lead = (
        "They are drawn by the program into good images, at seeded places, and may lie beside the part. Real defects look "
        "otherwise: put some into test/DEFECT to measure what the detector finds of them."
    )
    found = Table("kinds", caption, ("change", "severity", *kinds), tuple(rows), 2)
    return Section("defects", "The pasted defects", lead, (), (found,), (pasted_plot(outcome),))


def _figures(outcome: Outcome) -> Section:
    names = (*IMAGE, *PIXEL)
    rows = tuple(
        (
            c.component,
            f"{c.severity:g}",
            REPAIRS[c.repair],
            *(level(c.figures, name) for name in names),
            percent(c.regions, "outlined_rate", "_exact_ci"),
            percent(c.regions, "seg_f1"),
        )
        for c in outcome.cells
    )
    drawn = ("good images with an outline", "pixel F1 of outlines, pasted")
    titles = (NAMES[n] if n == "false_alarm_rate" else f"{NAMES[n]}, pasted" for n in names)
    caption = (
        "Percent [95 % interval over the photographs; exact for those of good images]; the rest is on pasted defects."
    )
    return Section("figures", "All figures", "The same numbers are in stress.csv and stress.json.", (),
                   (Table("figures", caption, ("change", "severity", "repair", *titles, *drawn), rows, 3),))  # fmt: skip


def _how(outcome: Outcome) -> Section:
    plan, config = outcome.plan, outcome.config
    findings = (
        f"{len(outcome.bench.good)} good images in {plan.folds} folds: a fold is judged by a model of the others, under a "
        "threshold from the scores of the others. The run's own model, which has seen all of its images, is not tested.",
        f"Settings of {plan.run}: {config['method']['name']}, {config['image_size']} pixels, threshold "
        f"{outcome.calibrator.kind}.",
        "Intervals draw photographs anew (a good image and its copy with a defect together); models and thresholds are "
        "held. Each interval stands for itself: of twenty that exclude 0, one may do so by chance.",
        f"Defects of {100 * plan.defect_size:g} % of the shorter side, drawn before the change, so that they move with the "
        "scene. Shift, defects and folds are seeded.",
    )
    lead = "The same command on the same images gives the same figures."
    return Section("runs", "How it was done", lead, findings)
