"""What an alarm tells: since when the line is another, what has changed, what the promise is worth, and what to do."""

from __future__ import annotations

import math
import shlex
import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adshift.appearance.changes import FEWEST, Change, changes, in_words
from adshift.calibration.binomial import binomial_interval
from adshift.correction.spread import Spread
from adshift.watch.book import Book, Epoch, Part
from adshift.watch.streams import SCORE, STREAMS

LOOK_BACK = 5000
"""Parts before an alarm among which the change is looked for."""
SHORTEST = 5
"""Numbers of a stretch that is told from another."""
AROUND = 60
"""Parts before the evidence's lowest level that the change may have begun at."""
COMPARED = 400
"""Parts before the change, and since, that are compared."""
SEVERAL = "to be repaired with these photographs, a run must be of this category alone: fit one, data.category=NAME"


def since_of(book: Book, epoch: Epoch, normals: Sequence[float], stream: str) -> int:
    """The part with which the change began, as far as one stream tells.

    Evidence falls slowly while nothing happens and rises from the change on, so that its lowest level tells the change to
    within some dozens of parts, as in a CUSUM chart. Among those around it the one is taken that divides the stream's
    numbers best by their ranks. Where those reach back to the first part, what the stream began with comes before it: a
    line that was another from the first part on has no change among its parts.

    Args:
        book: with the epoch's parts.
        epoch: in which.
        normals: the scores that the score's stream began with.
        stream: its name.

    Source: Page, Continuous inspection schemes, Biometrika 1954, for the former; ``change_point`` for the latter.
    """
    index = [s.name for s in STREAMS].index(stream)
    value = "score" if index == 0 else f"json_extract(looks, '$[{index - 1}]')"
    rows = list(
        book.query(
            f"SELECT number, json_extract(levels, ?) AS level, {value} AS value FROM parts "
            "WHERE epoch = ? AND levels IS NOT NULL AND value IS NOT NULL ORDER BY number DESC LIMIT ?",
            (f"$[{index}]", epoch.epoch, LOOK_BACK),
        )
    )[::-1]
    lowest = len(rows) - 1 - int(np.argmin([row["level"] for row in rows][::-1]))
    first = max(0, lowest + 1 - AROUND)
    around = rows[first:]
    usual: list[float] = []
    if first == 0 and len(rows) < LOOK_BACK:
        began = normals if index == 0 else [look[index - 1] for look in epoch.looks]
        usual = [value for value in began if math.isfinite(value)][:AROUND]
    place = change_point([*usual, *(row["value"] for row in around)])
    return int(around[max(0, place - len(usual))]["number"])


def change_point(values: Sequence[float]) -> int:
    """Where the second of two stretches begins that a rank test tells apart best; 0 where there are too few numbers.

    The Mann-Whitney statistic over its standard deviation, at every place that leaves ``SHORTEST`` numbers on either side:
    over its standard deviation, as a change is mostly near the end, where Pettitt's own would draw it to the middle.

    >>> change_point([3.0, 1.0, 2.0, 2.5, 0.5, 1.5, 9.0, 8.0, 9.5, 8.5, 7.0])
    6

    Source: Hawkins and Deng, A nonparametric change-point control chart, Journal of Quality Technology 2010.
    """
    from scipy.stats import rankdata

    n = len(values)
    if n < 2 * SHORTEST:
        return 0
    place = np.arange(SHORTEST, n - SHORTEST + 1)
    apart = np.abs(2 * np.cumsum(rankdata(values))[place - 1] - place * (n + 1)) / np.sqrt(place * (n - place))
    return int(place[np.argmax(apart)])


def parts_since(book: Book, epoch: int, since: int, limit: int = COMPARED) -> list[Part]:
    """The first parts with a score from a change on."""
    return list(book.parts("epoch = ? AND number >= ? AND score IS NOT NULL", (epoch, since), limit=limit))


def parts_before(book: Book, epoch: int, since: int, limit: int = COMPARED) -> list[Part]:
    """The last parts with a score before a change, in order."""
    found = book.parts("epoch = ? AND number < ? AND score IS NOT NULL", (epoch, since), "number DESC", limit)
    return list(found)[::-1]


def photographable(book: Book, epoch: int, since: int) -> tuple[Iterator[Part], Iterator[Part]]:
    """The parts with a score from a change on, in order: those that a person spoke of, and the others."""
    told = "epoch = ? AND number >= ? AND score IS NOT NULL AND sha256 {} (SELECT sha256 FROM labels)"
    said, others = (book.parts(told.format(word), (epoch, since)) for word in ("IN", "NOT IN"))
    return said, others


def changed(epoch: Epoch, before: Sequence[Part], after: Sequence[Part]) -> tuple[list[Change], str]:
    """The looks that are shown to have moved, the largest first, and whose spread that is measured in."""
    usual: Sequence[Sequence[float]] = epoch.looks or [part.looks for part in before]
    now = [part.looks for part in after]
    if len(usual) < FEWEST or len(now) < FEWEST:
        return [], ""
    found = [change for change in changes(usual, now) if change.shown]
    return found, "the train images" if epoch.looks else "the parts before"


def words(
    epoch: Epoch, normals: Sequence[float], before: Sequence[Part], after: Sequence[Part], streams: Iterable[str]
) -> list[str]:
    """What has changed, a line each.

    Args:
        epoch: in which.
        normals: scores of the calibration images: what parts are compared with that were different from the first on.
        before, after: the parts on either side of the change.
        streams: those that are over the limit, the strongest first.
    """
    lines = []
    usual = _scores(before) or normals
    if usual and after:
        was, is_ = statistics.median(usual), statistics.median(_scores(after))
        towards = "as high as before" if f"{was:.4g}" == f"{is_:.4g}" else "higher" if is_ > was else "lower"
        lines.append(f"{SCORE}: {towards}, median {was:.4g} to {is_:.4g}")
    found, whose = changed(epoch, before, after)
    lines += [in_words(change).replace("the train images", whose) for change in found]
    told = {change.look.name for change in found} | {SCORE}
    silent = [name for name in streams if name not in told]
    if silent:
        lines.append(f"by its order alone, the middle having moved by less than its spread: {', '.join(silent)}")
    return lines


def promise(epoch: Epoch, after: Sequence[Part]) -> str:
    """What the promised false-alarm rate is worth since the change."""
    decided = [part.decision for part in after if part.decision is not None]
    if not decided:
        return "nothing is decided: the run has no threshold"
    called = sum(decided)
    low, high = binomial_interval(called, len(decided))
    share = f"{called} of {len(decided)} parts since the change are called anomalous ({low:.1%} to {high:.1%})"
    if epoch.promised is None:
        return f"{share}; the threshold ({epoch.kind}) promises no false-alarm rate"
    if low > epoch.promised:
        broken = "if these are good, the promise is broken"
        return f"{share}, where at most {epoch.promised:.1%} of good parts were promised: {broken}"
    return f"{share}; at most {epoch.promised:.1%} of good parts were promised: it is not shown to be broken"


def commands(home: str, photographs: Path, source: str, out: Path, data_root: str | None) -> list[str]:
    """The commands that repair, the cheapest first, each ready to be pasted.

    Args:
        home: the run whose model judges.
        photographs: the folder of those that were collected.
        source: what is watched.
        out: the watch's output folder.
        data_root: as the watch was given it.
    """
    moved = [f"data_root={data_root}"] if data_root else []
    repaired = out / "repairs" / photographs.parent.name
    return [
        shlex.join(["python", "-m", "adshift.advise", f"run={home}", f"domain.root={photographs}", *moved]),
        shlex.join(
            ["python", "evaluate.py", f"run={home}", "domain=photos", f"domain.root={photographs}", "adaptation=threshold",
             *moved, f"hydra.run.dir={repaired}"]
        ),
        shlex.join(["python", "-m", "adshift.watch", f"run={repaired}", f"source={source}", f"hydra.run.dir={out}"]),
    ]  # fmt: skip


def _scores(parts: Sequence[Part]) -> list[float]:
    return [part.score for part in parts if part.score is not None]


def nearest_the_middle(parts: Sequence[Part], count: int) -> list[Part]:
    """The parts whose looks are nearest to the median of all: what the line looks like."""
    if not parts:
        return []
    looks_NQ = np.array([part.looks for part in parts], np.float64)
    looks_NQ = looks_NQ[:, np.isfinite(looks_NQ).all(axis=0)]
    spread = Spread.of(looks_NQ, 1e-9)
    apart_N = (np.abs(looks_NQ - spread.middle) / spread.width).sum(axis=1)
    return [parts[i] for i in sorted(np.argsort(apart_N, kind="stable")[:count])]


def as_json(lines: Sequence[str], promised: str, told: Sequence[str], pictures: str, folder: Path, count: int,
            wanted: int) -> dict[str, Any]:  # fmt: skip
    """The plain values that ``Alarm.told`` holds."""
    return {
        "words": list(lines), "promise": promised, "commands": list(told), "pictures": pictures,
        "photographs": {"folder": str(folder), "count": count, "wanted": wanted},
    }  # fmt: skip
