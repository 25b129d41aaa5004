"""What a watch's data base holds, as far as its page shows it: never more than a bounded number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adshift.watch.book import Book
from adshift.watch.chart import named_parts
from adshift.watch.history import History, Stretch, read
from adshift.watch.records import Alarm, Epoch, Part

RECENT = 200
"""Parts that are shown one by one, where there are more than a chart has places."""
CARDS = 12
EPOCHS = """
    SELECT epoch, began, run, model, threshold, kind, promised, normals, delta, seed, why, told
    FROM epochs ORDER BY epoch"""
SAID = """
    SELECT good, verdict, count(*) AS count FROM (
        SELECT good, (SELECT coalesce(decision, -1) FROM parts WHERE parts.sha256 = labels.sha256 ORDER BY number LIMIT 1)
            AS verdict FROM labels)
    GROUP BY good, verdict"""
LEVELS = "number BETWEEN ? AND ? AND levels IS NOT NULL"
WAITING = """
    SELECT queue.outlet, count, made, fault
    FROM (SELECT outlet, count(*) AS count, min(id) AS head FROM outbox GROUP BY outlet) AS queue
        JOIN outbox ON outbox.id = head
    ORDER BY queue.outlet"""


@dataclass(frozen=True)
class Found:
    """What the data base holds, as far as it is shown.

    Attributes:
        now: the time of the page.
        stretches: all parts.
        recent: the last parts one by one; empty where ``stretches`` has them so.
        times: when the parts that are named below the charts were judged.
        today: parts judged since midnight.
        levels: stream -> evidence after the last part that had a score.
        parts: the last ones, the newest first.
        said: (good, verdict) -> labelled images; the verdict is the first that was given: 1, 0, -1 where nothing was
            decided, None where the image was never judged.
        waiting: outlet, how many messages, since when the first waits, and the fault of its last try.
    """

    now: float
    stretches: list[Stretch]
    recent: list[Stretch]
    epochs: dict[int, Epoch]
    alarms: list[Alarm]
    times: dict[int, float]
    today: int
    levels: dict[str, float]
    parts: list[Part]
    said: dict[tuple[bool, int | None], int]
    waiting: list[tuple[str, int, float, str]]


def read_all(book: Book, now: float, streams: Sequence[str], history: History) -> Found:
    """What the page shows; reads what came since ``history`` last did, and a bounded number of rows beside."""
    stretches = history.follow(book)
    last = stretches[-1].last if stretches else 0
    recent = [] if all(s.parts == 1 for s in stretches) else read(book, max(1, last - RECENT + 1), last)
    shown = {n for row in (stretches, recent) if row for n in named_parts(row[0].first, row[-1].last)}
    marks = ", ".join("?" * len(shown))
    times = book.query(f"SELECT number, judged FROM parts WHERE number IN ({marks})", sorted(shown))
    spoke = next(((s.first, s.last) for s in reversed(stretches) if s.level is not None), (0, 0))
    levels = [part.levels for part in book.parts(LEVELS, spoke, "number DESC", 1)]
    return Found(
        now,
        stretches,
        recent,
        {row["epoch"]: Epoch(**dict(row), looks=()) for row in book.query(EPOCHS)},
        book.alarms(),
        {row["number"]: row["judged"] for row in times},
        _today(book, stretches, now),
        dict(zip(streams, levels[0], strict=False)) if levels else {},
        list(book.parts(order="number DESC", limit=CARDS)),
        {(bool(row["good"]), row["verdict"]): row["count"] for row in book.query(SAID)},
        [(row["outlet"], row["count"], row["made"], row["fault"]) for row in book.query(WAITING)],
    )


def _today(book: Book, stretches: Sequence[Stretch], now: float) -> int:
    """Parts judged since midnight, by the clock of this machine."""
    midnight = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    begun = next((s for s in stretches if s.until >= midnight), None)
    if begun is None:
        return 0
    (row,) = book.query("SELECT min(number) AS n FROM parts WHERE number BETWEEN ? AND ? AND judged >= ?",
                        (begun.first, begun.last, midnight))  # fmt: skip
    return int(stretches[-1].last - row["n"] + 1)
