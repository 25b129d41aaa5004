"""Which repair is worth it after each change, by the rule of ``adshift.repairs.worth``; and that in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from adshift.metrics.resampling import Difference
from adshift.repairs.worth import Candidate, Choice, choose
from adshift.shift.names import CLEAN
from adshift.stress.cells import Cell, find
from adshift.trials.figures import breaks_its_promise, difference

UNCLEAR = "unclear"
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
        choice: what the rule takes.
        loss: balanced accuracy, clean - changed without repair.
        gains: repair -> balanced accuracy, repaired - without repair; ``full over threshold`` sets the two apart.
    """

    component: str
    severity: float
    choice: Choice
    loss: Difference
    gains: dict[str, Difference]

    @property
    def repair(self) -> str:
        """The repair to take; ``none`` where there is nothing to do, ``unclear`` where none is shown to help."""
        if self.choice.taken is not None:
            return self.choice.taken.name
        return "none" if self.choice.nothing_to_do else UNCLEAR


def verdict(cells: Sequence[Cell], component: str, severity: float) -> Verdict | None:
    """What to do about a change; None without the cells that it takes.

    What a repair costs is not measured here: a new fit comes with a new threshold and is dearer than that alone, so the
    order of the cells stands for it.

    Args:
        cells: of all changes, the repairs of each from the cheapest to the dearest.
        component, severity: of the change.
    """
    clean, none = find(cells, CLEAN, 0.0, "none"), find(cells, component, severity, "none")
    if clean is None or none is None:
        return None
    same = [c for c in cells if (c.component, c.severity) == (component, severity) and c.repair != "none"]
    repaired = {cell.repair: cell for cell in same}
    gains = {name: difference(cell.figures, none.figures) for name, cell in repaired.items()}
    loss = difference(clean.figures, none.figures)
    choice = choose(
        [
            Candidate(name, None, None, gains[name], breaks_its_promise(cell.figures, cell.promised))
            for name, cell in repaired.items()
        ],
        lambda a, b: difference(repaired[a].figures, repaired[b].figures),
        loss,
        breaks_its_promise(none.figures, none.promised),
    )
    for cheaper, dearer in combinations(repaired, 2):
        gains[f"{dearer} over {cheaper}"] = difference(repaired[dearer].figures, repaired[cheaper].figures)
    return Verdict(component, severity, choice, loss, gains)


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
    named = {name: " over ".join(WORDS[part] for part in name.split(" over ")) for name in found.gains}
    gained = "; ".join(f"{named[name]}: {points(gain)}" for name, gain in found.gains.items())
    taken = found.choice.taken
    told = {
        "none": "no loss is shown, so that no repair is called for",
        UNCLEAR: "there is a loss, or more false alarms than promised, and no repair is shown to help on balance",
    }.get(found.repair, f"{WORDS[found.repair]} is worth it")
    if taken is not None and taken.broken:
        told += ", though with it there are still more false alarms than promised"
    lost = points(-found.loss)
    return f"{found.component}, severity {found.severity:g}: {told}. Points of balanced accuracy: the change {lost}" + (
        f"; {gained}." if gained else "."
    )
