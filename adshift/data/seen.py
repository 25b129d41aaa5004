"""What a finished model has seen: the images that it was fitted and calibrated on, as they were then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adshift.data.samples import Sample
from adshift.data.splits import Role


@dataclass(frozen=True)
class SeenImage:
    """An image at the time of the fit.

    Attributes:
        role: ``train`` or ``calibration``.
        path: POSIX, relative to the data root or to the folder of photographs.
        bytes: of its file.
        content: the hash of its pixels (``adshift.data.contents``); empty where a run from before kept none.
    """

    role: str
    path: str
    bytes: int
    content: str


@dataclass(frozen=True)
class Known:
    """What is known of a finished run's images.

    Attributes:
        seen: what its model was fitted and its thresholds calibrated on.
        same_split: whether the split is the run's own, whose roles then are what they were.
    """

    seen: tuple[SeenImage, ...]
    same_split: bool


def contents_of(seen: Iterable[SeenImage], *roles: Role) -> frozenset[str]:
    """The hashes of the images of some roles."""
    return frozenset(image.content for image in seen if image.role in roles) - {""}


def as_they_were(samples: Iterable[Sample], seen: Iterable[SeenImage], role: Role) -> tuple[Sample, ...]:
    """The samples whose paths had a role in the fit, in its order, whatever else lies in their folder today."""
    by_path = {sample.path: sample for sample in samples}
    return tuple(by_path[image.path] for image in seen if image.role == role and image.path in by_path)


def strangers(
    samples: Sequence[Sample], contents: Sequence[str], known: frozenset[str], paths: frozenset[str]
) -> tuple[Sample, ...]:
    """The samples whose pictures are not among the ``known`` contents and whose files are not among the ``paths``."""
    pairs = zip(samples, contents, strict=True)
    return tuple(sample for sample, content in pairs if content not in known and sample.path not in paths)
