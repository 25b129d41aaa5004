"""What ``few`` made of a model, and why: for result.json and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adshift.adaptation.extension import Extension
from adshift.data.samples import Sample, unit_count
from adshift.repairs.shown import Shown
from adshift.stages.choice import FEWEST_SERIES
from adshift.stages.repair import Repair


def described_repair(repaired: Repair, bank: bool) -> dict[str, Any]:
    """How the model was extended (None: it was not), and what that rests on, as JSON values.

    ``candidates`` has the customary way first, then the model as it was fitted (``way`` is None) and the other ways, each
    with its AUROC of pasted defects and what it gains on the first; these are None where the pictures were too few.
    """
    found: dict[str, Any] = {"way": _told(repaired.way, bank), "chosen": repaired.choice is not None}
    choice = repaired.choice
    if choice is None:
        return found
    shown: Sequence[Shown | None] = choice.found or [None] * len(choice.tried)
    return found | {
        "candidates": [_candidate(_told(way, bank), one) for way, one in zip(choice.tried, shown, strict=True)],
        "with_all": choice.everything,
        "without_each_fold": list(choice.without),
    }


def _told(way: Extension | None, bank: bool) -> dict[str, Any] | None:
    return None if way is None else way.told(bank)


def _candidate(way: dict[str, Any] | None, found: Shown | None) -> dict[str, Any]:
    if found is None:
        return {"way": way, "auroc": None, "gain": None, "interval": None}
    interval = found.gain.interval
    return {
        "way": way, "auroc": found.auroc, "gain": found.gain.estimate,
        "interval": None if interval is None else list(interval),
    }  # fmt: skip


def repair_notes(repaired: Repair, images: Sequence[Sample], bank: bool) -> list[str]:
    """What was made of the model, a line; none where it was asked for and the images are of several series."""
    choice, series = repaired.choice, unit_count(images)
    if choice is None:
        alone = (
            "few: all images are of one series and were scored by the model without them, which is the unrepaired one"
        )
        return [alone] if series == 1 else []
    if not choice.found:
        return [
            f"few: {_counted(images)} cannot show which way to extend the model is best, {FEWEST_SERIES} series can: it is "
            "extended in the customary one"
        ]
    told = f"judged by {_counted(images)} and pasted defects"
    place = choice.tried.index(choice.taken)
    if place == 0:
        return [f"few: nothing is shown to be better than the customary way to extend the model, {told}"]
    gain = choice.found[place].gain
    assert gain.estimate is not None
    assert gain.interval is not None
    low, high = (100 * bound for bound in gain.interval)
    against = f"AUROC {100 * gain.estimate:+.1f} points [{low:+.1f}, {high:+.1f}] against the customary way"
    if choice.taken is None:
        return [
            f"few: the model is shown to be as good as it was fitted, {told}: {against}; it stays, with a new threshold "
            "from them"
        ]
    way = " ".join(f"few.{key}={value}" for key, value in choice.taken.told(bank).items())
    return [f"few: {way} was chosen of {len(choice.tried) - 1} ways to extend the model, {told}: {against}"]


def _counted(images: Sequence[Sample]) -> str:
    series = unit_count(images)
    return f"{len(images)} images" if series == len(images) else f"{len(images)} images of {series} series"
