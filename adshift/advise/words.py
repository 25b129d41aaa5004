"""The advice in plain words: what changed, what to do, what that rests on, and what to type next."""

from __future__ import annotations

from adshift.advise.judged import Judged
from adshift.advise.outcome import NOTHING, TOO_FEW, UNCLEAR, Outcome
from adshift.appearance.changes import in_words
from adshift.metrics.summary import Figures
from adshift.report.runs import percent, table
from adshift.report.tables import NONE, Row, gap

HEADER: Row = (
    "repair", "false alarms", "pasted defects found", "real defects found", "promised", "gain", "seconds",
)  # fmt: skip


def named(outcome: Outcome, repair: str) -> str:
    """What a person calls a repair."""
    return {
        "none": "as it is",
        "threshold": "a new threshold",
        "few": _few(outcome),
        "full": "a new fit",
    }[repair]


def _few(outcome: Outcome) -> str:
    k = outcome.plan.few.k
    if any(one.trial.repair == "few" and one.trial.kept for one in outcome.found):
        return f"a new threshold from {k} photographs, which show no gain from an extension"
    return f"an extension by {k} photographs"


def headline(outcome: Outcome) -> str:
    """What was asked, in a sentence."""
    tested = f", and {outcome.defects} real defects among its test images" if outcome.defects else ""
    return (
        f"{outcome.photographs} good photographs of {outcome.category} in {outcome.root}{tested}, against a run that was "
        f"fitted on {outcome.fitted_on} images ({outcome.plan.run})."
    )


def answer(outcome: Outcome) -> str:
    """The advice in a sentence or two."""
    if outcome.advice == TOO_FEW:
        return (
            f"Too few photographs to say: {outcome.photographs}. Take {outcome.enough} or more good ones in the new light; "
            "fewer cannot show what a repair is worth, nor promise the false-alarm rate that was asked for."
        )
    if outcome.advice == UNCLEAR:
        return (
            "It cannot be told: false alarms are more than promised, or nothing is promised, and no repair is shown to "
            "help on balance. Take more photographs, and put defective parts into test/DEFECT."
        )
    if outcome.advice == NOTHING:
        return "Nothing is called for: the promise is not shown to be broken, and no repair is shown to help."
    told = f"Worth it: {named(outcome, outcome.advice)}."
    verdict = outcome.verdict
    assert verdict is not None
    taken, best = verdict.choice.taken, verdict.choice.best
    if taken is not None and taken.broken:
        told += " With it there are still more false alarms than promised."
    if best is not None and taken is not None and best.name != taken.name:
        told += (
            f" {named(outcome, best.name).capitalize()} gains a little more, which is not shown to be more than chance."
        )
    return told


def grounds(outcome: Outcome) -> str:
    """What the advice rests on."""
    if outcome.verdict is None or outcome.bench is None:
        return ""
    what = (
        "the real defects of the folder" if outcome.verdict.on_real else "PASTED defects, which are drawn and not real"
    )
    return (
        f"Judged on {what}, with {len(outcome.bench.good)} of the {outcome.photographs} photographs, each decided by "
        "a repair that was made without it. The gain is in balanced accuracy (good and defective parts count alike), in "
        "points with its 95 % interval."
    )


def changed(outcome: Outcome) -> list[str]:
    """What is shown to look different, the largest change first; one line where nothing is."""
    shown = [change for change in outcome.changed if change.shown]
    if not shown:
        return ["Nothing that is measured is shown to look different from the train images."]
    return [f"{in_words(change)}." for change in shown]


def rows(outcome: Outcome) -> tuple[Row, ...]:
    """A row a repair."""
    return tuple(_row(outcome, one) for one in outcome.found)


def _row(outcome: Outcome, one: Judged) -> Row:
    assert outcome.verdict is not None
    shown = one.real if outcome.verdict.on_real and one.real is not None else one.pasted
    calibration = one.trial.calibration
    promised = calibration.promised_rate if outcome.verdict.on_real else one.trial.promised
    gain = outcome.verdict.gains.get(one.trial.repair)
    return (
        named(outcome, one.trial.repair), _counted(shown, "false_alarm_rate"), _counted(one.pasted, "recall"),
        NONE if one.real is None else _counted(one.real, "recall"),
        NONE if promised is None else f"{100 * promised:.1f}", gap(gain), f"{one.trial.seconds:.1f}",
    )  # fmt: skip


def _counted(figures: Figures, name: str) -> str:
    return percent(figures.values, name, "_exact_ci")


def overview(outcome: Outcome) -> str:
    """The printed table (percent, exact 95 % intervals)."""
    return table(HEADER, [list(row) for row in rows(outcome)]) if outcome.found else ""


def following(outcome: Outcome) -> str:
    """What to type next; empty where there is nothing to do."""
    return "" if outcome.repaired is None else f"python predict.py run={outcome.repaired} source=NEW"
