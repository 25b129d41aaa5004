"""What an alarm tells: what has changed, what the promise is worth, and what to do."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from adshift.appearance.changes import FEWEST, Change, changes, in_words
from adshift.calibration.binomial import binomial_interval
from adshift.correction.spread import Spread
from adshift.watch.book import Book
from adshift.watch.records import Epoch, Part
from adshift.watch.streams import SCORE

COMPARED = 400
"""Parts before the change, and since, that are compared."""
SEVERAL = "to be repaired with these photographs, a run must be of this category alone: fit one, data.category=NAME"


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
