"""The advice as a page: the answer, what changed, the pictures, every figure, and how it was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adshift.advise.outcome import Outcome
from adshift.advise.words import HEADER, answer, changed, following, grounds, headline, named, rows
from adshift.data.dataset import read_pair
from adshift.data.samples import Sample
from adshift.report.comparisons import P_TITLES
from adshift.report.document import Plot, Report, Section
from adshift.report.pictures import TILE, outline
from adshift.report.plots.tiles import Example, tiles
from adshift.report.tables import NAMES, Row, Table, level
from adshift.shift.domain import Domain
from adshift.shift.pixels import UInt8, resize_image, resize_mask
from adshift.trials.figures import IMAGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 6
"""Rows of pictures."""


def make_page(outcome: Outcome) -> Report:
    """The report of an advice."""
    parts = (_answer(outcome), _changes(outcome), _figures(outcome), _how(outcome))
    return Report(
        f"Advice: {outcome.category}",
        headline(outcome),
        tuple(part for part in parts if part is not None),
        outcome.notes,
        made_by="Made by python -m adshift.advise. Intervals are 95 %.",
        answers=(answer(outcome),),
    )


def _answer(outcome: Outcome) -> Section | None:
    if not outcome.found:
        return None
    findings = (f"The repaired run stands in {outcome.repaired}: {following(outcome)}",) if following(outcome) else ()
    caption = "Every repair that was tried. Percent [exact 95 % interval]; gain in points of balanced accuracy."
    return Section(
        "answer", "What to do", grounds(outcome), findings, (Table("answer", caption, HEADER, rows(outcome)),)
    )


def _changes(outcome: Outcome) -> Section:
    lead = (
        "The photographs against the images that the run was fitted on, both at the detector's size. Shown to have "
        "changed: the middle has moved by at least one spread of the train images, and a Mann-Whitney test says so at 1 % "
        "after Holm's correction."
    )
    table_rows: tuple[Row, ...] = tuple(
        (
            f"{change.look.name} ({change.look.unit})" if change.look.unit else change.look.name,
            f"{change.before:.3g}",
            f"{change.after:.3g}",
            f"{change.spread:.2g}",
            f"{change.moved:+.1f}".replace("-", "−"),
            f"{change.p_value:.3f}",
            f"{change.p_holm:.3f}",
            "yes" if change.shown else "no",
        )
        for change in outcome.changed
    )
    caption = (
        "Medians and spread in the unit of each look; moved: in spreads of the train images; two-sided p of the "
        f"Mann-Whitney test, and p by Holm's correction over the {len(table_rows)} looks compared."
    )
    header = ("look", "train images", "photographs", "spread", "moved", *P_TITLES, "shown")
    found = Table("changes", caption, header, table_rows)
    plots = () if outcome.bench is None else (_pictures(outcome),)
    return Section("changes", "What changed", lead, tuple(changed(outcome)), (found,), plots)


def _pictures(outcome: Outcome) -> Plot:
    assert outcome.bench is not None
    bench, train = outcome.bench, outcome.train

    def tile(sample: Sample, pasted: bool) -> UInt8:
        root = outcome.root if sample in bench.good or pasted else outcome.train_root
        image, mask = read_pair(root, sample, Domain())
        return outline(resize_image(image, TILE), None if mask is None else resize_mask(mask, TILE))

    def draw() -> Figure:
        examples = []
        for before, good, bad in zip(train[:SHOWN], bench.good[:SHOWN], bench.pasted[:SHOWN], strict=False):
            name = good.path.rpartition("/")[2]
            examples.append(
                Example(f"{name}, {bad.defect}", False, (tile(before, False), tile(good, False), tile(bad, True)))
            )
        return tiles(examples)

    return Plot(
        "pictures",
        "An image that the run was fitted on, a photograph of the target, and that one with a PASTED defect, outlined.",
        "Photographs before and after the change, and some with drawn defects.",
        draw,
        raster=True,
    )


def _figures(outcome: Outcome) -> Section | None:
    if not outcome.found:
        return None
    table_rows: list[Row] = []
    for one in outcome.found:
        table_rows.append((named(outcome, one.trial.repair), "pasted", *(level(one.pasted, name) for name in IMAGE)))
        if one.real is not None:
            table_rows.append((named(outcome, one.trial.repair), "real", *(level(one.real, name) for name in IMAGE)))
    caption = "Percent [95 % interval; exact for false alarms]."
    header = ("repair", "defects", *(NAMES[name] for name in IMAGE))
    return Section("figures", "All figures", "The same numbers are in advise.json.", (),
                   (Table("figures", caption, header, tuple(table_rows), 2),))  # fmt: skip


def _how(outcome: Outcome) -> Section:
    plan = outcome.plan
    findings = (
        f"{plan.folds} folds of the photographs: each is decided by a threshold, an extension or a fit made of the others. "
        "Real test images are decided by the repair that was made of all of them.",
        "A repair is worth it where its gain has an interval above 0; of those the cheapest is taken that is not shown to "
        "be worse than the best. All take the same photographs; a new threshold takes least time, a new fit most.",
        f"Defects of {100 * plan.defect_size:g} % of the shorter side are drawn into good photographs at seeded places. "
        "What is found of them says how repairs compare, not how many real defects will be found.",
        "Intervals draw photographs anew; models and thresholds are held. They take photographs to be independent: "
        "pictures of one part, or of one plate, are not, and their intervals are too narrow.",
    )
    return Section("runs", "How it was done", "The same command on the same images gives the same figures.", findings)
