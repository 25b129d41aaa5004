"""What should be known of the series in a split."""

from __future__ import annotations

from adshift.data.samples import by_unit, unit_count
from adshift.data.splits import Split


def series_notes(split: Split) -> list[str]:
    """How many series play each role, and how many tested images are of one that was fitted or calibrated on."""
    good = [sample for sample in split.calibration if not sample.label]
    counts = [
        f"{len(samples)} {role} images in {unit_count(samples)} series"
        for role, samples in (("train", split.train), ("good calibration", good))
        if samples
    ]
    known = by_unit([*split.train, *good])
    again = [sample for sample in split.test if sample.group and sample.unit in known]
    notes = [f"{', '.join(counts)}: a promise is about images of series that are neither"]
    if again:
        notes.append(
            f"{len(again)} of {len(split.test)} test images are of series that were fitted or calibrated on: their false "
            "alarms tell nothing of what is promised for new series"
        )
    return notes
