"""What only the decoded pixels tell: images and masks whose values cannot be meant, and images that are there twice."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from adshift.data.check.duplicates import duplicate_problems, grouped, is_train
from adshift.data.check.problem import Problem, error, warning
from adshift.data.check.twins import Fingerprint, fingerprint, twin_problems
from adshift.data.images import ImageError, is_transparent, opened, suspicious_values, to_mask, to_rgb
from adshift.data.samples import Sample
from adshift.data.series.hint import REMEDY, what_series
from adshift.data.series.likeness import Thumbnails, thumbnail
from adshift.shift.pixels import UInt8


@dataclass(frozen=True)
class Seen:
    """A decoded image: a digest of its pixels, its fingerprint, and how it looks from afar."""

    digest: bytes
    print: Fingerprint | None
    thumbnail: Thumbnails


def pixel_problems(root: Path, samples: Sequence[Sample], progress: bool = False) -> list[Problem]:
    """Decode every image and mask once and tell what is wrong with their values, and which images are there twice.

    Files that cannot be decoded are named; equal pixels count as one picture whatever the files' format.
    """
    from tqdm import tqdm

    found: list[Problem] = []
    seen: dict[Sample, Seen] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of what is told here
        for sample in tqdm(samples, desc="check", unit="image", disable=not progress):
            try:
                seen[sample] = _see(root, sample, found)
            except ImageError as fault:
                found.append(error(sample.path, fault.what, fault.remedy))
            for mask in sample.masks:
                found += _mask(root / mask, mask, sample.mask_over)
    twice = grouped({sample: each.digest for sample, each in seen.items()})
    found += duplicate_problems(twice)
    again = {sample for group in twice for sample in group[1:]}
    for group in dict.fromkeys((sample.category, sample.domain) for sample in seen):  # a part in two domains is meant
        own = [sample for sample in seen if (sample.category, sample.domain) == group and sample not in again]
        found += twin_problems(own, [seen[sample].print for sample in own])
        train = sorted(sample for sample in own if is_train(sample))
        told = what_series(train, [seen[sample].thumbnail for sample in train])
        found += (
            [warning(str(PurePosixPath(train[0].path).parent), f"holds images that {told}", REMEDY)] if told else []
        )
    return found


def _see(root: Path, sample: Sample, found: list[Problem]) -> Seen:
    with opened(root / sample.path) as image:
        frames = int(getattr(image, "n_frames", 1))
        alpha = is_transparent(image)
        pixels = to_rgb(image)
    found += _values(sample.path, pixels, frames, alpha)
    header = f"{pixels.shape}".encode()
    return Seen(
        hashlib.sha256(header + np.ascontiguousarray(pixels).tobytes()).digest(), fingerprint(pixels), thumbnail(pixels)
    )


def _values(file: str, pixels: UInt8, frames: int, alpha: bool) -> Iterator[Problem]:
    if frames > 1:
        yield warning(file, f"holds {frames} pictures, of which the first is read", "save the one that is meant alone")
    if alpha:
        yield warning(file, "has transparent parts; transparency is dropped", "flatten it onto its background")
    if told := suspicious_values(pixels):
        yield warning(file, *told)


def _mask(path: Path, file: str, over: int) -> Iterator[Problem]:
    try:
        with opened(path) as image:
            values = to_rgb(image)
        with opened(path) as image:
            marked = to_mask(image, over)
    except ImageError as fault:
        yield error(file, fault.what, fault.remedy)
        return
    between = int(((values > 0) & (values < 255)).any(axis=2).sum()) if over else 0
    if not marked.any():
        yield warning(
            file, "marks nothing: all of the image counts as free of defects", "draw the defect, or remove it"
        )
    elif marked.all():
        yield warning(file, "marks the whole image", "draw the defect alone, or check that it is not inverted")
    if between:
        what = f"has {between} pixels between black and white; those over 127 count as defect"
        yield warning(file, what, "save it in black and white, without smoothing and not as JPEG")
