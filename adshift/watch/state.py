"""What a person at the line must know at once: is this part bad, has the line changed, what is to be done."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adshift.watch.chart import odds
from adshift.watch.records import Alarm, Epoch, Part

GOOD, CARE, BAD, NONE = "good", "care", "bad", "none"
EARLY = 0.5
"""Share of the alarm's limit from which on the evidence is called a first sign."""


@dataclass(frozen=True)
class Tile:
    """One answer.

    Attributes:
        question: that it answers.
        kind: ``good``, ``care``, ``bad`` or ``none``: how it is coloured.
        word: the answer.
        lines: what belongs to it.
        command: that is to be run; empty where there is none.
    """

    question: str
    kind: str
    word: str
    lines: tuple[str, ...] = ()
    command: str = ""


def tiles(
    part: Part | None, epoch: Epoch | None, alarm: Alarm | None, levels: Mapping[str, float], running: bool,
    clock: Callable[[float], str],
) -> tuple[Tile, Tile, Tile]:  # fmt: skip
    """The three answers.

    Args:
        part: the last one.
        epoch: the last one.
        alarm: the last one, where it stands in this epoch and nothing has been repaired since.
        levels: stream -> its evidence after the last part that had a score.
        running: whether parts are judged.
        clock: how a time is told.
    """
    return _part(part, alarm, clock), _line(epoch, alarm, levels, clock), _advice(part, epoch, alarm, running)


def lines_of(value: Any) -> tuple[str, ...]:
    """What is told, as lines, whether it was given as none, one or many."""
    if value is None or value == "":
        return ()
    return tuple(str(v) for v in value) if isinstance(value, Sequence) and not isinstance(value, str) else (str(value),)


def _part(part: Part | None, alarm: Alarm | None, clock: Callable[[float], str]) -> Tile:
    question = "Is this part bad?"
    if part is None:
        return Tile(question, NONE, "No part yet")
    which = f"Part {part.number:,}, judged {clock(part.judged)}"
    if part.score is None:
        return Tile(question, CARE, "Not judged", (f"{which}: {part.error}",))
    value = f"score {part.score:.4g}"
    p_value = () if part.p_value is None else (f"p-value {part.p_value:.3g}",)
    if part.decision is None:
        return Tile(question, CARE, "Not decided", (which, ", ".join((value, *p_value)), "This run has no threshold."))
    rule = "" if part.threshold is None else f" {'≥' if part.decision else '<'} threshold {part.threshold:.4g}"
    told = ", ".join((value + rule, *p_value))
    doubt = () if alarm is None else ("The line has changed: verdicts are worth less than promised.",)
    kind, word = (BAD, "Yes: anomalous") if part.decision else (GOOD, "No: normal")
    return Tile(question, kind, word, (which, told, *doubt))


def _line(epoch: Epoch | None, alarm: Alarm | None, levels: Mapping[str, float], clock: Callable[[float], str]) -> Tile:
    question = "Has the line changed?"
    if alarm is not None:
        sounded = f"alarm {alarm.alarm} sounded at part {alarm.number:,}, {clock(alarm.at)}"
        since = f"Since about part {alarm.since:,}; {sounded}."
        words = lines_of(alarm.told.get("words")) or (
            lines_of(f"Seen in: {', '.join(alarm.streams)}." if alarm.streams else None) if alarm.streams else ()
        )
        return Tile(question, BAD, "Yes: changed", (*words, since))
    if epoch is None or not levels:
        return Tile(question, NONE, "Nothing to go by yet")
    stream = max(levels, key=lambda name: levels[name])
    level, limit = levels[stream], -math.log(epoch.delta)
    told = f"Strongest evidence {odds(level)} ({stream}); the alarm sounds at {odds(limit)}."
    if level < EARLY * limit:
        return Tile(question, GOOD, "No change shown", (told,))
    rare = f"A line that is as it was gets this far with a probability of at most {100 * math.exp(-level):.2g} %."
    return Tile(question, CARE, "First signs", (told, rare))


def _advice(part: Part | None, epoch: Epoch | None, alarm: Alarm | None, running: bool) -> Tile:
    question = "What to do?"
    todo: list[str] = []
    command = ""
    if not running:
        todo.append("Start the watch again: no part is judged now.")
    if alarm is not None:
        command = next(iter(lines_of(alarm.told.get("commands"))), "")
        todo.append(
            "Put the line right if the change is not meant; else run the repair:" if command
            else f"Put the line right if the change is not meant; see alarm {alarm.alarm} below."
        )  # fmt: skip
    if part is not None and part.decision:
        todo.insert(0, f"Take part {part.number:,} out and look at it.")
    if part is not None and part.score is None:
        todo.insert(0, f"Judge part {part.number:,} by eye: its image could not be judged.")
    if epoch is not None and epoch.threshold is None:
        todo.append("Calibrate the run: without a threshold nothing is called anomalous.")
    kind = BAD if alarm is not None or (part is not None and part.decision) else CARE if todo else GOOD
    return Tile(question, kind, "Act now" if kind == BAD else "See to it" if todo else "Nothing", tuple(todo), command)
