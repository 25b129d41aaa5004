"""The stress test in plain words: what was tested, what the thresholds promise, and a table that needs no key."""

from __future__ import annotations

from adshift.calibration.scores import smallest_n
from adshift.report.runs import percent, table
from adshift.report.tables import Row
from adshift.stress.cells import CLEAN, Cell, find
from adshift.stress.job import Outcome
from adshift.stress.verdicts import WORDS, Verdict

HEADER: Row = ("change", "severity", "false alarms", "pasted defects found", "worth doing")
REPAIRS = {"none": "no repair", "threshold": "new threshold", "full": "new fit"}


def headline(outcome: Outcome) -> str:
    """What was tested, in two sentences."""
    return (
        f"Stress test: {len(outcome.bench.good)} good images of {outcome.category}, each judged by a detector that was "
        f"fitted without it ({outcome.plan.folds} folds). The defects are PASTED, not real: they tell how the detector holds "
        "up when the images change, not how many real defects it finds."
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
            f"{start}: so few can promise no less than {100 * rate:.1f} % false alarms, not the {100 * alpha:g} % asked for; "
            f"that takes {smallest_n(alpha) - 1} in the other folds."
        )
    return f"{start} and promises about {100 * rate:.1f} % false alarms on new good images that look like them."


def overview(outcome: Outcome) -> str:
    """The printed table (percent, 95 % intervals)."""
    return table(HEADER, [list(row) for row in overview_rows(outcome)])


def overview_rows(outcome: Outcome) -> tuple[Row, ...]:
    """A row a change: what happens without repair, and which repair is worth it."""
    clean = find(outcome.cells, CLEAN, 0.0, "none")
    assert clean is not None
    rows: list[Row] = [("none", "0", *without_repair(clean), "")]
    for found in outcome.verdicts:
        cell = find(outcome.cells, found.component, found.severity, "none")
        assert cell is not None
        rows.append((found.component, f"{found.severity:g}", *without_repair(cell), WORDS[found.repair]))
    return tuple(rows)


def without_repair(cell: Cell) -> tuple[str, str]:
    """False alarms and pasted defects found, percent with exact intervals: both are counts."""
    values = dict(cell.figures.values)
    return percent(values, "false_alarm_rate", "_exact_ci"), percent(values, "recall", "_exact_ci")


def grouped_advice(verdicts: tuple[Verdict, ...]) -> list[str]:
    """One line a component: at which severities which repair is worth it."""
    lines = []
    for component in dict.fromkeys(found.component for found in verdicts):
        by_repair: dict[str, list[str]] = {}
        for found in verdicts:
            if found.component == component:
                by_repair.setdefault(found.repair, []).append(f"{found.severity:g}")
        told = "; ".join(f"{WORDS[repair]} at severity {', '.join(at)}" for repair, at in by_repair.items())
        lines.append(f"Worth doing where {component} changes: {told}.")
    return lines
