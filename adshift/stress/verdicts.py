"""Which repair is worth it: recommended only where paired intervals separate, else that is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adshift.metrics.resampling import Difference, paired_difference
from adshift.shift.names import CLEAN
from adshift.stress.cells import RIGHT, Cell, find

UNCLEAR = "unclear"
ORDER = ("none", "threshold", "full")
"""From the cheapest to the dearest."""
WORDS = {
    "none": "nothing: no loss is shown",
    "threshold": "a new threshold",
    "full": "a new fit",
    UNCLEAR: "no repair is shown to help",
}


@dataclass(frozen=True)
class Verdict:
    """What to do about one change of the images.

    Attributes:
        component, severity: of the change.
        repair: ``none``, ``threshold``, ``full`` or ``unclear``.
        loss: balanced accuracy, clean - changed without repair.
        gains: repair -> balanced accuracy, repaired - without repair; ``full over threshold`` sets the two apart.
    """

    component: str
    severity: float
    repair: str
    loss: Difference
    gains: dict[str, Difference]


def difference(a: Cell, b: Cell) -> Difference:
    """Balanced accuracy, a - b, paired over the photographs."""
    return paired_difference(
        a.figures.point(RIGHT), b.figures.point(RIGHT), a.figures.replicates[RIGHT], b.figures.replicates[RIGHT]
    )


def _shown(found: Difference | None) -> bool:
    """Whether the interval lies above 0."""
    return found is not None and found.interval is not None and found.interval[0] > 0


def breaks_its_promise(cell: Cell) -> bool:
    """Whether the exact interval of the false alarms lies above the rate that the thresholds promise."""
    promised, interval = cell.calibrations[0].promised_rate, cell.figures.values["false_alarm_rate_exact_ci"]
    return promised is not None and isinstance(interval, list) and interval[0] > promised


def verdict(cells: Sequence[Cell], component: str, severity: float) -> Verdict | None:
    """The cheapest repair that no dearer one is shown to beat; None without the cells that it takes.

    A repair counts where its gain over none is shown. A new fit is preferred to a new threshold that counts where its gain
    over that one is shown too. Where none counts: nothing to do if no loss is shown and the false alarms are not shown to
    break their promise, else no repair is shown to help.
    """
    clean, none = find(cells, CLEAN, 0.0, "none"), find(cells, component, severity, "none")
    if clean is None or none is None:
        return None
    repaired = {name: find(cells, component, severity, name) for name in ORDER[1:]}
    gains = {name: difference(cell, none) for name, cell in repaired.items() if cell is not None}
    full, threshold = repaired["full"], repaired["threshold"]
    if full is not None and threshold is not None:
        gains["full over threshold"] = difference(full, threshold)
    loss = difference(clean, none)
    chosen = UNCLEAR if _shown(loss) or breaks_its_promise(none) else "none"
    if _shown(gains.get("full")):
        chosen = "full"
    if _shown(gains.get("threshold")) and not (chosen == "full" and _shown(gains.get("full over threshold"))):
        chosen = "threshold"
    return Verdict(component, severity, chosen, loss, gains)


def points(found: Difference) -> str:
    """A difference in points with its interval, signed."""
    if found.estimate is None:
        return "undefined"
    text = f"{100 * found.estimate:+.1f}"
    if found.interval is not None:
        text += f" [{100 * found.interval[0]:+.1f}, {100 * found.interval[1]:+.1f}]"
    return text.replace("-", "−")


def sentence(found: Verdict) -> str:
    """The verdict in words, with the intervals that it rests on."""
    names = {
        "threshold": "a new threshold",
        "full": "a new fit",
        "full over threshold": "a new fit over a new threshold",
    }
    gained = "; ".join(f"{names[name]}: {points(gain)}" for name, gain in found.gains.items())
    told = {
        "none": "no loss is shown, so that no repair is called for",
        UNCLEAR: "there is a loss, or more false alarms than promised, and no repair is shown to help on balance",
    }.get(found.repair, f"{WORDS[found.repair]} is worth it")
    lost = Difference(
        None if found.loss.estimate is None else -found.loss.estimate,
        None if found.loss.interval is None else (-found.loss.interval[1], -found.loss.interval[0]),
        None,
    )
    return (
        f"{found.component}, severity {found.severity:g}: {told}. Points of balanced accuracy: the change {points(lost)}"
        + (f"; {gained}." if gained else ".")
    )
