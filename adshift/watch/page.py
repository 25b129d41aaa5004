"""The page of a watch: what a person at the line must know, renewed by itself, without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path, PurePath
from typing import Any

from adshift.report.page import render
from adshift.system.atomic import write_text
from adshift.watch.book import Book
from adshift.watch.chart import Chart, Seen, evidence_chart, odds, score_chart
from adshift.watch.figures import Clock, clock_at, epoch_row, facts, label_rows
from adshift.watch.found import Found, read_all
from adshift.watch.history import History, united
from adshift.watch.records import Alarm
from adshift.watch.state import Tile, lines_of, tiles

INDEX = "index.html"
PLACES = 600
"""Stretches that a chart shows at most."""
ALARMS = 20
"""Alarms and epochs that are told in full."""
RENEWED = {True: 5, False: 60}
"""Seconds after which the page loads itself anew while the watch runs, and when it has ended: it may be started again."""
STALE = 60
"""Seconds without a new page after which a page that says the watch runs says that it is old."""


def write_page(
    book: Book, folder: Path, *, now: float, running: bool, streams: Sequence[str], places: int = PLACES,
    history: History | None = None,
) -> Path:  # fmt: skip
    """Write ``index.html``: the state of the line, its charts, alarms, last parts and labels.

    Args:
        book: the data base of the watch.
        folder: its output folder; pictures are named relative to it.
        now: the time of the page; seconds since 1970.
        running: whether parts are judged.
        streams: names of what is followed, in the order of ``Part.levels``.
        places: stretches that a chart shows at most; beyond that many parts neither the file nor memory grow.
        history: what an earlier call has read, given to each of a watch, so that it costs what is new since; None reads
            all parts.

    Raises:
        RefusedError: the disk is full or read-only.
    """
    found = read_all(book, now, streams, history or History(places))
    values = _values(found, running)
    write_text(folder / INDEX, render("watch.html", **values))
    return folder / INDEX


def _values(found: Found, running: bool) -> dict[str, Any]:
    """What the template shows."""
    clock = clock_at(found.now)
    part = found.parts[0] if found.parts else None
    epoch = found.epochs[max(found.epochs)] if found.epochs else None
    standing = [a for a in found.alarms if epoch and a.epoch == epoch.epoch and a.repaired is None]
    totals = {e: united(run) for e, run in groupby(found.stretches, lambda s: s.epoch)}
    answers = tiles(part, epoch, standing[-1] if standing else None, found.levels, running, clock)
    run = PurePath(epoch.run).name if epoch else ""
    return {
        "title": _title(answers, run, running),
        "heading": f"Watch of {run}" if run else "Watch",
        "made": found.now,
        "as_of": f"{datetime.fromtimestamp(found.now):%d %b %Y, %H:%M:%S}",
        "running": running,
        "renewed": RENEWED[running],
        "stale": STALE,
        "tiles": answers,
        "facts": facts(found, epoch, totals, running, clock),
        "scores": _charts(found, score_chart),
        "evidence": _charts(found, evidence_chart)[-1:],
        "levels": [(name, odds(level)) for name, level in sorted(found.levels.items(), key=lambda item: -item[1])],
        "delta": epoch.delta if epoch else None,
        "alarms": [_told(alarm, clock) for alarm in reversed(found.alarms[-ALARMS:])],
        "more_alarms": max(0, len(found.alarms) - ALARMS),
        "parts": [(p, PurePath(p.path).name, clock(p.judged)) for p in found.parts],
        "labels": label_rows(found.said),
        "epochs": [epoch_row(e, totals.get(e.epoch), clock) for e in list(found.epochs.values())[: -ALARMS - 1 : -1]],
        "more_epochs": max(0, len(found.epochs) - ALARMS),
    }


def _title(answers: Iterable[Tile], run: str, running: bool) -> str:
    state = "; ".join(tile.word.removeprefix("Yes: ").removeprefix("No: ") for tile in list(answers)[:2])
    return f"{state if running else 'Ended'} – watch{f' of {run}' if run else ''}"


def _charts(found: Found, draw: Callable[[str, Seen], Chart]) -> list[Chart]:
    """The last parts one by one, and all."""
    name = draw.__name__.replace("_", "-")
    rows = {f"{name}-recent": found.recent, name: found.stretches}
    return [draw(key, Seen(row, found.epochs, found.alarms, found.times)) for key, row in rows.items() if row]


def _told(alarm: Alarm, clock: Clock) -> dict[str, Any]:
    """An alarm as the template shows it, whatever of it has been told so far."""
    told = alarm.told
    repaired = [*lines_of(told.get("repaired")), *lines_of(alarm.repaired)]
    return {
        "number": alarm.alarm,
        "when": clock(alarm.at),
        "part": alarm.number,
        "since": alarm.since,
        "streams": alarm.streams,
        "evidence": odds(alarm.level),
        "words": lines_of(told.get("words")),
        "promise": lines_of(told.get("promise")),
        "commands": lines_of(told.get("commands")),
        "pictures": told.get("pictures") or "",
        "photographs": _photographs(told.get("photographs")),
        "repaired": list(dict.fromkeys(repaired)),
    }


def _photographs(told: Any) -> str:
    if not isinstance(told, Mapping) or "count" not in told:
        return ""
    wanted = f" of {told['wanted']:,} wanted" if "wanted" in told else ""
    folder = f", in {told['folder']}" if "folder" in told else ""
    return f"{told['count']:,}{wanted} photographs of the line as it is now are collected{folder}."
