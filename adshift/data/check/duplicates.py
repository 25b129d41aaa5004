"""Images that are there twice: found by their bytes before a fit, by their pixels in the doctor."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path

from adshift.data.check.problem import Problem, error, warning
from adshift.data.samples import Sample
from adshift.system.hashes import file_sha256

EDGE_BYTES = 4096


def duplicate_problems(groups: Iterable[Sequence[Sample]]) -> list[Problem]:
    """What is wrong with groups of samples whose pixels are equal: one problem for each sample but a group's first.

    An image that is trained on and tested on, or tested both as good and as defective, makes figures wrong: an error.
    """
    found = []
    for group in groups:
        for place, sample in enumerate(group[1:], start=1):
            earlier = group[:place]
            found.append(_trained(sample, earlier) or _contradiction(sample, earlier) or _twice(sample, earlier[0]))
    return found


def _trained(sample: Sample, earlier: Sequence[Sample]) -> Problem | None:
    for other in earlier:
        if is_train(other) != is_train(sample):
            what = f"is the same picture as {other.path}: one is trained on, the other tested"
            return error(sample.path, what, "remove one of them")
    return None


def _contradiction(sample: Sample, earlier: Sequence[Sample]) -> Problem | None:
    for other in earlier:
        if other.label != sample.label:
            what = f"is the same picture as {other.path}, which has another label"
            return error(sample.path, what, "remove the wrong one")
    return None


def _twice(sample: Sample, other: Sample) -> Problem:
    what = f"is the same picture as {other.path}: it counts twice"
    if is_train(sample):
        what += ", and a split may train on one and calibrate on the other"
    return warning(sample.path, what, "remove one of them")


def is_train(sample: Sample) -> bool:
    """Whether a data set gives a sample for the fit; splits divide those between train and calibration."""
    return sample.part == "train"


def grouped(key_of: Mapping[Sample, Hashable]) -> list[list[Sample]]:
    """Samples with equal keys, groups of two and more, in the mapping's order."""
    groups = defaultdict(list)
    for sample, key in key_of.items():
        groups[key].append(sample)
    return [group for group in groups.values() if len(group) > 1]


def same_bytes(root: Path, samples: Sequence[Sample]) -> list[list[Sample]]:
    """Groups of samples whose files are equal byte for byte.

    Cheap: only files of one size are opened, and only those with equal ends are hashed whole.
    """
    candidates = grouped({sample: (root / sample.place).stat().st_size for sample in samples})
    candidates = [part for group in candidates for part in grouped({s: _ends(root / s.place) for s in group})]
    return [part for group in candidates for part in grouped({s: file_sha256(root / s.place) for s in group})]


def _ends(path: Path) -> tuple[bytes, bytes]:
    with path.open("rb") as handle:
        start = handle.read(EDGE_BYTES)
        handle.seek(max(0, path.stat().st_size - EDGE_BYTES), os.SEEK_SET)
        return start, handle.read(EDGE_BYTES)
