"""The charts of a line: what a template draws as inline SVG, whose text keeps its size at every width."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from adshift.watch.axis import Axis, axis_of, linear_ticks
from adshift.watch.history import Stretch, known
from adshift.watch.records import Alarm, Epoch
from adshift.watch.shapes import HEIGHT, WIDTH, Frame, band, dots, line, runs, steps

ROOM = 17.0
"""Percent of the width that a label needs on a narrow screen."""
NUMBERS, VALUES = 4, 6
"""Most values that are named along the parts and along the scores."""
DAY = 20 * 3600.0
"""Seconds from which on a time is told with its date."""
ABOVE = 2.5
"""Times its limit to which the evidence is drawn: how far beyond says nothing more."""


@dataclass(frozen=True)
class Tick:
    """A named value: ``at`` percent of the width or pixels from the top, and its lines of words."""

    at: float
    words: tuple[str, ...]


@dataclass(frozen=True)
class Mark:
    """Something that happened at a part.

    Attributes:
        kind: ``alarm`` or ``epoch``.
        at: percent of the width.
        words: its label; empty where a newer one has the room.
        label: where the label's middle is, percent.
        told: it in full.
        since: percent at which what it tells of began; None where that is nothing else.
    """

    kind: str
    at: float
    words: str
    label: float
    told: str
    since: float | None = None


@dataclass(frozen=True)
class Chart:
    """One chart; paths are SVG's, in ``WIDTH`` x ``HEIGHT``.

    Attributes:
        name: an identifier.
        title: what it shows, for who cannot see it.
        upward, along: what its axes are.
        x_ticks, y_ticks: along the bottom, along the side.
        marks: alarms and epochs.
        paths: kind of line, area or dots -> path; empty ones are left out.
        limit: words of the limit, and where they stand: pixels from the top; None where there is no limit.
        width, height: of the paths' coordinates; the height is in pixels too.
    """

    name: str
    title: str
    upward: str
    along: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    marks: list[Mark]
    paths: Mapping[str, str] = field(default_factory=dict)
    limit: Tick | None = None
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True)
class Seen:
    """What a chart shows.

    Attributes:
        stretches: in order, at least one.
        epochs: theirs, by number.
        alarms: all, in order.
        times: when the parts of ``named_parts`` were judged, as far as known; seconds since 1970.
    """

    stretches: Sequence[Stretch]
    epochs: Mapping[int, Epoch]
    alarms: Sequence[Alarm]
    times: Mapping[int, float]


def score_chart(name: str, seen: Seen) -> Chart:
    """The control chart: from the lowest to the highest score of each stretch, their mean, and the threshold.

    Every part is a dot where each is a stretch of its own; else the highest of each stretch in which one was anomalous.

    Args:
        name: of the chart.
        seen: what it shows.
    """
    stretches, epochs = seen.stretches, seen.epochs
    single = all(s.parts == 1 for s in stretches)
    limits = {e: epochs[e].threshold for e in dict.fromkeys(s.epoch for s in stretches) if e in epochs}
    extremes = [*known(s.low for s in stretches), *known(s.high for s in stretches), *known(limits.values())]
    frame = Frame(
        stretches[0].first, stretches[-1].last, axis_of(extremes or [0.0, 1.0], known(s.mean for s in stretches))
    )
    scored = [s for s in stretches if s.high is not None]
    paths = {
        "band": "" if single else "".join(band(frame, run) for run in runs(stretches)),
        "mean": "".join(line(frame, [(s.middle, s.mean) for s in run]) for run in runs(stretches)),
        "dots": dots(frame, [(s.first, s.high) for s in scored if not s.anomalous]) if single else "",
        "bad": dots(frame, [(s.middle, s.high) for s in scored if s.anomalous]),
        "unread": "".join(f"M{frame.x(s.middle):.1f} {HEIGHT:g}v-9" for s in stretches if s.unread),
        "limit": steps(frame, stretches, limits),
    }
    last = limits.get(stretches[-1].epoch)
    shown = f"Anomaly scores of the parts {frame.first:,} to {frame.last:,}"
    return Chart(
        name,
        f"{shown}, {'one by one' if single else 'lowest, mean and highest of each stretch'}; the threshold is "
        f"{'not set' if last is None else f'{last:.4g}'}.",
        f"anomaly score{', logarithmic' if frame.axis.log else ''}",
        "part, and when it was judged",
        _number_ticks(frame, seen.times),
        [Tick(frame.y(value), (f"{value:.4g}",)) for value in frame.axis.ticks(VALUES)],
        _marks(frame, seen),
        {kind: path for kind, path in paths.items() if path},
        None if last is None else Tick(frame.y(last), (f"threshold {last:.4g}",)),
    )


def evidence_chart(name: str, seen: Seen) -> Chart:
    """The strongest evidence of change in each stretch, as odds, and the limit at which the alarm sounds.

    Arguments as ``score_chart``'s.
    """
    stretches, epochs = seen.stretches, seen.epochs
    limits = {e: -math.log(epochs[e].delta) for e in dict.fromkeys(s.epoch for s in stretches) if e in epochs}
    levels = known(s.level for s in stretches)
    limit = limits.get(stretches[-1].epoch)
    tallest = max(limits.values(), default=1.0)
    low = max(min([0.0, *levels]), -tallest)
    high = min(max([tallest, *levels]), ABOVE * tallest)
    frame = Frame(stretches[0].first, stretches[-1].last, Axis(low - 0.3, high + 0.6))
    paths = {
        "mean": "".join(line(frame, [(s.middle, s.level) for s in run]) for run in runs(stretches)),
        "dots": dots(frame, [(s.middle, s.level) for s in stretches if s.level is not None])
        if len(stretches) == 1
        else "",
        "limit": steps(frame, stretches, limits),
    }
    decades = linear_ticks(frame.axis.low / math.log(10), frame.axis.high / math.log(10), VALUES)
    return Chart(
        name,
        f"Evidence that the line has changed, parts {frame.first:,} to {frame.last:,}: at its highest "
        f"{odds(max(levels, default=0.0))}"
        + (
            "." if limit is None else f", now {odds(levels[-1] if levels else 0.0)}; the alarm sounds at {odds(limit)}."
        ),
        "evidence of change, odds",
        "part, and when it was judged",
        _number_ticks(frame, seen.times),
        [Tick(frame.y(t * math.log(10)), (odds(t * math.log(10)),)) for t in decades if t == round(t)],
        _marks(frame, seen),
        {kind: path for kind, path in paths.items() if path},
        None if limit is None else Tick(frame.y(limit), ("alarm",)),
    )


def odds(level: float) -> str:
    """A natural logarithm as odds.

    >>> odds(math.log(100)), odds(math.log(0.2)), odds(50.0)
    ('100 : 1', '1 : 5', 'over 1,000,000 : 1')
    """
    if abs(level) > math.log(1e6) + 1e-9:
        return "over 1,000,000 : 1" if level > 0 else "under 1 : 1,000,000"
    ratio = math.exp(abs(level))
    words = f"{ratio:,.0f}" if ratio >= 9.95 else f"{ratio:.2g}"
    return f"{words} : 1" if level >= 0 else f"1 : {words}"


def named_parts(first: int, last: int) -> list[int]:
    """The numbers that stand below a chart of these parts."""
    inside = [round(n) for n in linear_ticks(first, last, NUMBERS) if n == round(n)] if last > first else []
    apart = (last - first) * 1.5 * ROOM / 100.0  # the first and the last one's words begin and end at the edge
    return [first, *(n for n in inside if n - first > apart and last - n > apart), *([last] if last > first else [])]


def _number_ticks(frame: Frame, times: Mapping[int, float]) -> list[Tick]:
    named = named_parts(frame.first, frame.last)
    here = [times[number] for number in named if number in times]
    long = bool(here) and max(here) - min(here) > DAY
    ticks = []
    for number in named:
        at = datetime.fromtimestamp(times[number]) if number in times else None
        told = () if at is None else (f"{at:%d %b}", f"{at:%H:%M}") if long else (f"{at:%H:%M:%S}",)
        ticks.append(Tick(frame.percent(number), (f"{number:,}", *told)))
    return ticks


def _marks(frame: Frame, seen: Seen) -> list[Mark]:
    """Epochs that begin and alarms that sound within the frame; of labels that would overlap the newer one is kept."""
    firsts = [next(run) for _, run in groupby(seen.stretches, lambda s: s.epoch)][1:]
    begun = [(s.first, seen.epochs[s.epoch]) for s in firsts if s.epoch in seen.epochs]
    sounded = [a for a in seen.alarms if frame.first <= a.number <= frame.last]
    places = [frame.percent(n - 0.5) for n, _ in begun], [frame.percent(a.number) for a in sounded]
    labels = [_labels(row) for row in places]
    return [
        Mark("epoch", at, f"epoch {e.epoch}" if label is not None else "", label or 0.0, f"epoch {e.epoch}: {e.why}")
        for (_, e), at, label in zip(begun, places[0], labels[0], strict=True)
    ] + [
        Mark("alarm", at, f"alarm {a.alarm}" if label is not None else "", label or 0.0,
             f"alarm {a.alarm} at part {a.number:,}, changed since about part {a.since:,}", frame.percent(a.since - 0.5))
        for a, at, label in zip(sounded, places[1], labels[1], strict=True)
    ]  # fmt: skip


def _labels(places: Sequence[float]) -> list[float | None]:
    """Where the labels of one row stand, percent: within the chart, and none over a later one's."""
    found: list[float | None] = []
    free = 100.0
    for at in reversed(places):
        label = min(max(at, ROOM / 2), 100.0 - ROOM / 2)
        fits = label + ROOM / 2 <= free
        free = label - ROOM / 2 if fits else free
        found.append(label if fits else None)
    return found[::-1]
