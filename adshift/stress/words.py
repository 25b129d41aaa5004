"""The stress test in plain words: what was tested, what the thresholds promise, and a table that needs no key."""

from __future__ import annotations

from collections.abc import Sequence

from adshift.calibration.pixel_rule import AREA, IMAGE
from adshift.calibration.scores import smallest_n
from adshift.report.runs import percent, table
from adshift.report.tables import NONE, Row
from adshift.shift.names import CLEAN
from adshift.stress.cells import Cell, find
from adshift.stress.outcome import Outcome
from adshift.stress.verdicts import UNCLEAR, WORDS, Verdict
from adshift.trials.figures import breaks_its_promise

HEADER: Row = (
    "change", "severity", "worth doing", "false alarms", "pasted defects found", "false alarms after it", "found after it",
)  # fmt: skip
"""The columns of the answer: the change, the advice, what happens without repair, and what with the advised one."""
REPAIRS = {"none": "no repair", "threshold": "new threshold", "full": "new fit"}


def headline(outcome: Outcome) -> str:
    """What was tested, in two sentences."""
    return (
        f"Stress test: {len(outcome.bench.good)} good images of {outcome.category}, each judged by a detector that was "
        f"fitted without it ({outcome.plan.folds} folds). The defects are PASTED, not real: they tell how the detector "
        "holds up when the images change, not how many real defects it finds."
    )


def promise(outcome: Outcome) -> str:
    """What the thresholds promise with so many good images."""
    first = outcome.cells[0].calibrations[0]
    fewest = min(c.n for c in outcome.cells[0].calibrations)
    rate = first.promised_rate
    if rate is None:
        return f"The threshold ({first.kind}) promises no false-alarm rate."
    alpha = first.parameters.get("alpha")
    start = f"Each threshold ({first.kind}) rests on {fewest} good images"
    if isinstance(alpha, float) and rate > alpha:
        return (
            f"{start}: so few can promise no less than {100 * rate:.1f} % false alarms, not the {100 * alpha:g} % asked "
            f"for, which takes {smallest_n(alpha) - 1}."
        )
    return f"{start} and promises about {100 * rate:.1f} % false alarms on new good images that look like them."


def outlines(clean: Cell) -> str:
    """How many good images have an outline as they are, beside what the pixel threshold promises."""
    held = clean.regions
    promised = held["promised_rate"]
    said = {IMAGE: "; {:.3g} % promised", AREA: "; of a good image {:.3g} % promised, on average"}.get(
        held["pixel"], ""
    )
    return (
        f"As the images are, {percent(held, 'outlined_rate', '_exact_ci')} % of the good ones have an outline"
        f"{'' if promised is None else said.format(100 * promised)}."
    )


def overview(outcome: Outcome) -> str:
    """The printed table (percent, 95 % intervals)."""
    return table(HEADER, [list(row) for row in overview_rows(outcome)])


def overview_rows(outcome: Outcome) -> tuple[Row, ...]:
    """A row a change."""
    clean = _cell(outcome, CLEAN, 0.0, "none")
    rows: list[Row] = [("none", "0", NONE, *counted(clean), NONE, NONE)]
    for found in outcome.verdicts:
        without = counted(_cell(outcome, found.component, found.severity, "none"))
        after: Row = (NONE, NONE)
        if found.repair not in ("none", UNCLEAR):
            after = counted(_cell(outcome, found.component, found.severity, found.repair))
        rows.append((found.component, f"{found.severity:g}", WORDS[found.repair], *without, *after))
    return tuple(rows)


def harm(cells: Sequence[Cell]) -> list[str]:
    """One line a component: at which severities the unrepaired detector is shown to raise more alarms than promised."""
    lines = []
    for component in dict.fromkeys(cell.component for cell in cells if cell.component != CLEAN):
        alone = [cell for cell in cells if (cell.component, cell.repair) == (component, "none")]
        broken = [
            f"{cell.severity:g} ({_alarms(cell)} %)"
            for cell in alone
            if breaks_its_promise(cell.figures, cell.promised)
        ]
        told = f"more than promised at severity {', '.join(broken)}" if broken else "not shown to exceed the promise"
        lines.append(f"False alarms after a change, {component}, without repair: {told}.")
    return lines


def _alarms(cell: Cell) -> str:
    rate = cell.figures.point("false_alarm_rate")
    return "-" if rate is None else f"{100 * rate:.1f}"


def _cell(outcome: Outcome, component: str, severity: float, repair: str) -> Cell:
    found = find(outcome.cells, component, severity, repair)
    assert found is not None
    return found


def counted(cell: Cell) -> tuple[str, str]:
    """False alarms and pasted defects found, percent with exact intervals: both are counts."""
    values = dict(cell.figures.values)
    return percent(values, "false_alarm_rate", "_exact_ci"), percent(values, "recall", "_exact_ci")


def advice(verdicts: Sequence[Verdict]) -> list[str]:
    """One line a component: at which severities which repair is worth it."""
    lines = []
    for component in dict.fromkeys(found.component for found in verdicts):
        by_repair: dict[str, list[str]] = {}
        for found in verdicts:
            if found.component == component:
                by_repair.setdefault(found.repair, []).append(f"{found.severity:g}")
        told = "; ".join(f"{WORDS[repair]} (severity {', '.join(at)})" for repair, at in by_repair.items())
        lines.append(f"Worth doing after a change, {component}: {told}.")
    return lines
