"""What is to be said where pictures come in series and nobody has told them apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adshift.data.samples import Sample
from adshift.data.series.found import by_likeness
from adshift.data.series.likeness import Thumbnails, thumbnail
from adshift.shift.pixels import UInt8

LOOKED_AT = 1000
"""So many pictures, the first in name order, tell."""
REMEDY = "say which belong together: data.groups=auto, a regular expression of the name, or a .csv file"


def what_series(samples: Sequence[Sample], thumbnails: Sequence[Thumbnails]) -> str:
    """What shows that good pictures of one category come in series, in words; empty where nothing does.

    Args:
        samples: of one category and domain, in name order.
        thumbnails: theirs.
    """
    if not samples:
        return ""
    way = by_likeness([sample.path for sample in samples[:LOOKED_AT]], np.stack(thumbnails[:LOOKED_AT]))
    if way is None:
        return ""
    return f"come in series, by {way.told}: held-out scores are too low then, and a promised rate is too"


def series_hint(samples: Sequence[Sample], image_NSS3: UInt8) -> list[str]:
    """The same for the train images of a run, a line for each category that has series."""
    found = []
    for category in dict.fromkeys(sample.category for sample in samples):
        places = [i for i, sample in enumerate(samples) if sample.category == category][:LOOKED_AT]
        told = what_series([samples[i] for i in places], [thumbnail(np.asarray(image_NSS3[i])) for i in places])
        found += [f"the train images of {category} {told}; {REMEDY}"] if told else []
    return found
