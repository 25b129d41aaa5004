"""The counts of a watch in words: shares with their intervals beside what is promised, verdicts beside what people say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from adshift.calibration.binomial import binomial_interval
from adshift.watch.found import Found
from adshift.watch.history import Stretch
from adshift.watch.records import Epoch

Clock = Callable[[float], str]


def clock_at(now: float) -> Clock:
    """How a time is told: with its date where that is not the day of ``now``."""
    today = datetime.fromtimestamp(now).date()

    def told(at: float) -> str:
        when = datetime.fromtimestamp(at)
        return f"{when:%H:%M:%S}" if when.date() == today else f"{when:%d %b %Y, %H:%M}"

    return told


def share(count: int, n: int) -> str:
    """Percent with its exact 95 % interval; an en dash where nothing was counted.

    >>> share(1, 40)
    '2.5 % [0.063, 13]'
    """
    if n == 0:
        return "–"
    low, high = (percent(end) for end in binomial_interval(count, n))
    return f"{percent(count / n)} % [{low}, {high}]"


def percent(rate: float) -> str:
    """A rate in percent, to two digits, and to more where it is nearly all.

    >>> [percent(rate) for rate in (0.0, 2e-7, 0.0042, 0.333, 0.9987, 1.0)]
    ['0', '<0.001', '0.42', '33', '99.87', '100']
    """
    value = 100 * rate
    if 0 < value < 1e-3:
        return "<0.001"
    return f"{value:.2g}" if value < 9.95 else f"{value:.0f}" if value < 99 else f"{value:.4g}"


def promise_of(epoch: Epoch) -> str:
    """The false-alarm rate that the threshold promises."""
    return "nothing promised" if epoch.promised is None else f"at most {100 * epoch.promised:.3g} % of good parts"


def facts(
    found: Found, epoch: Epoch | None, totals: Mapping[int, Stretch], running: bool, clock: Clock
) -> list[tuple[str, str]]:
    """What is counted, each with its name."""
    here = totals.get(epoch.epoch) if epoch else None
    parts = [f"{found.today:,} today"]
    parts += [f"{here.parts if here else 0:,} in epoch {epoch.epoch}"] if epoch else []
    parts += [f"{sum(s.parts for s in totals.values()):,} in all"] if len(totals) > 1 else []
    told = [("Watch", "running" if running else f"ended, {clock(found.now)}")]
    told += [
        ("Last part judged", clock(found.parts[0].judged) if found.parts else "none yet"),
        ("Parts", ", ".join(parts)),
    ]
    if epoch and here:
        rate = f"{share(here.anomalous, here.decided)} of {here.decided:,}" if here.decided else "nothing was decided"
        told += [("Called anomalous in this epoch", rate), ("Promised", promise_of(epoch))]
        told += [("Not read in this epoch", f"{here.unread:,} of {here.parts:,} images")]
    waiting = [
        f"{outlet}: {count:,}, the first since {clock(made)}{f' ({fault})' if fault else ''}"
        for outlet, count, made, fault in found.waiting
    ]
    return [*told, ("Messages that wait", "; ".join(waiting) or "none")]


def epoch_row(epoch: Epoch, total: Stretch | None, clock: Clock) -> tuple[str, ...]:
    """An epoch as a row of a table."""
    counted = total and total.decided
    return (
        str(epoch.epoch),
        clock(epoch.began),
        epoch.why,
        epoch.run,
        "–" if epoch.threshold is None else f"{epoch.threshold:.4g}{f' ({epoch.kind})' if epoch.kind else ''}",
        promise_of(epoch),
        f"{total.parts if total else 0:,}",
        share(total.anomalous, total.decided) if total and counted else "–",
        f"{total.unread if total else 0:,}",
    )


def label_rows(said: Mapping[tuple[bool, int | None], int]) -> list[tuple[str, ...]]:
    """What people say, beside the verdicts: good and bad, each called normal, anomalous, or neither."""
    rows: list[tuple[str, ...]] = []
    for good in (True, False):
        normal, anomalous = (said.get((good, verdict), 0) for verdict in (0, 1))
        neither = sum(count for (g, verdict), count in said.items() if g is good and verdict not in (0, 1))
        rows.append(
            (f"people say {'good' if good else 'bad'}", f"{normal:,}", f"{anomalous:,}", f"{neither:,}",
             share(anomalous, normal + anomalous))
        )  # fmt: skip
    return rows if said else []
