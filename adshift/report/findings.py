"""Sentences written from the figures: a change is claimed only where its interval excludes 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adshift.metrics.resampling import Difference, Share
from adshift.repairs.worth import promise_broken
from adshift.report.study import MEAN
from adshift.report.tables import NAMES, gap, whole

Gaps = Mapping[str, Mapping[str, Difference]]
"""Differences by group and figure, as ``study.contrast`` gives them."""


@dataclass(frozen=True)
class Verbs:
    """The words for a difference above and below 0."""

    up: str = "rises"
    down: str = "falls"


CHANGE = Verbs()
ADVANTAGE = Verbs("is higher", "is lower")


def shown(difference: Difference) -> bool:
    """Whether the interval excludes 0."""
    return difference.above or difference.below


def change(figure: str, difference: Difference, verbs: Verbs = CHANGE) -> str:
    """``image AUROC falls by 4.1 points [2.0, 6.2]``, or that no difference is shown; empty where undefined."""
    name = NAMES[figure]
    if difference.estimate is None:
        return ""
    if difference.interval is None:
        return f"{name} differs by {gap(difference)} points, of unknown uncertainty"
    if not shown(difference):
        return f"{name} shows no difference ({gap(difference)} points)"
    ends = sorted(abs(100 * end) for end in difference.interval)
    verb = verbs.up if difference.above else verbs.down
    return f"{name} {verb} by {abs(100 * difference.estimate):.1f} points [{ends[0]:.1f}, {ends[1]:.1f}]"


def tally(figure: str, by_group: Gaps) -> str:
    """In how many categories a figure is shown to rise or fall; empty for a single category."""
    found = [d[figure] for group, d in by_group.items() if group != MEAN and d[figure].estimate is not None]
    if len(found) < 2:
        return ""
    falls, rises = sum(d.below for d in found), sum(d.above for d in found)
    told = [f"{word} in {n}" for word, n in (("lower", falls), ("higher", rises)) if n]
    return f"shown {' and '.join(told) or 'in none'} of {len(found)} categories"


def main_group(by_group: Mapping[str, object]) -> str:
    """The mean over the categories where there is one, else the one category."""
    return MEAN if MEAN in by_group else next(iter(by_group), "")


def where(by_group: Mapping[str, object]) -> str:
    """What ``main_group`` stands for, in words."""
    return f"mean of {len(by_group) - 1} categories" if MEAN in by_group else f"on {main_group(by_group)}"


def about(subject: str, figures: Sequence[str], by_group: Gaps, verbs: Verbs = CHANGE) -> str:
    """A sentence on some figures: the mean over the categories with their tally, or the one category by its name."""
    parts = []
    for figure in figures if by_group else ():
        said = change(figure, by_group[main_group(by_group)][figure], verbs)
        count = tally(figure, by_group)
        if said:
            parts.append(f"{said}, {count}" if count else said)
    return f"{subject}, {where(by_group)}: {'; '.join(parts)}." if parts else ""


def along(subject: str, factor: str, figure: str, steps: Mapping[str, Gaps]) -> str:
    """At which steps of a factor a figure is shown to differ from the base, and at which not; empty without steps."""
    kinds: dict[str, list[str]] = {"shown to be lower": [], "shown to be higher": [], "not shown to differ": []}
    found = {step: by_group for step, by_group in steps.items() if by_group}
    for step, by_group in found.items():
        d = by_group[main_group(by_group)][figure]
        if d.interval is not None:
            kind = "shown to be lower" if d.below else "shown to be higher" if d.above else "not shown to differ"
            kinds[kind].append(step)
    told = [f"{word} at {factor} {', '.join(at)}" for word, at in kinds.items() if at]
    return f"{subject}, {where(next(iter(found.values())))}: {NAMES[figure]} is {'; '.join(told)}." if told else ""


def recovery(subject: str, found: Mapping[str, Share]) -> str:
    """What part of each drop a regime wins back, bound by the intervals; empty where there was nothing to recover."""
    parts = []
    for figure, share in found.items():
        if share.value is None or share.interval is None:
            continue
        low, high = share.interval
        bounds = f"{whole(share.value)} % [{whole(low)}, {whole(high)}]"
        drop = f"of the drop in {NAMES[figure]}"
        if low > 0:
            parts.append(f"recovers {bounds} {drop}")
        elif high < 0:
            parts.append(f"adds to the drop in {NAMES[figure]} (recovered share {bounds})")
        else:
            parts.append(f"is not shown to recover any {drop} ({bounds})")
    return f"{subject} {'; '.join(parts)}." if parts else ""


def promise(subject: str, promised: float, rate: float, exact: tuple[float, float]) -> str:
    """A promised false-alarm rate beside the realised one; a promise is broken where the exact interval lies above it."""
    realised = f"{100 * rate:.1f} % [{100 * exact[0]:.1f}, {100 * exact[1]:.1f}]"
    if promise_broken(promised, exact):
        return f"{subject}: {100 * promised:.1f} % promised, {realised} realised: the promise is broken."
    return f"{subject}: {100 * promised:.1f} % promised, {realised} realised: not shown to be broken."
