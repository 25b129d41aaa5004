"""The checks that run before every fit: names, links, headers, pairs, and files that are there twice."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from adshift.data.aspect import SQUASHED_REMEDY, aspect, is_squashed, squashed
from adshift.data.check.duplicates import duplicate_problems, same_bytes
from adshift.data.check.headers import Header, read_header
from adshift.data.check.problem import Problem, error, errors, warning
from adshift.data.images import ImageError, check_mask, opened
from adshift.data.samples import Sample


def header_problems(root: Path, samples: Sequence[Sample]) -> tuple[list[Problem], dict[Sample, Header]]:
    """What headers tell of images and masks; and the headers of the images that can be used."""
    found: list[Problem] = []
    headers: dict[Sample, Header] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of what is told here
        for sample in samples:
            read = {}
            for name in (sample.place, *sample.masks):
                try:
                    read[name] = read_header(root / name)
                except ImageError as fault:
                    found.append(error(name, fault.what, fault.remedy))
            if sample.place in read:
                headers[sample] = read.pop(sample.place)
                for name, mask in read.items():
                    found += _pair(name, headers[sample], mask)
    return found, headers


def _pair(name: str, image: Header, mask: Header) -> Iterable[Problem]:
    if mask.size != image.size:
        yield error(name, f"is {mask.size}, its image {image.size}", "both must have one size")
    elif image.orientation != mask.orientation:
        what = (
            f"has the EXIF orientation {mask.orientation}, its image {image.orientation}: both are turned by their own"
        )
        yield warning(name, what, "make sure that the mask fits the image as it is seen upright")


def mask_values(root: Path, samples: Iterable[Sample]) -> list[Problem]:
    """Masks that the reader would refuse after the fit: of 0 and 1, or transparent."""
    found: list[Problem] = []
    for sample in samples:
        for name in sample.masks:
            try:
                with opened(root / name) as image:
                    check_mask(image, sample.mask_over)
            except ImageError as fault:
                found.append(error(name, fault.what, fault.remedy))
    return found


def mixture_problems(headers: dict[Sample, Header]) -> list[Problem]:
    """Categories whose images differ in size, or are partly grey and partly coloured: one warning each."""
    found: list[Problem] = []
    for category in dict.fromkeys(sample.category for sample in headers):
        own = {sample: header for sample, header in headers.items() if sample.category == category}
        sizes = {sample: header.size for sample, header in own.items()}
        found += _mixture(category, "sizes", sizes, "resize or crop them alike: every image is brought to one square")
        colours = {sample: "grey" if header.grey else "colour" for sample, header in own.items()}
        found += _mixture(category, "modes", colours, "save them alike: colour alone would set them apart")
    return found


def _mixture(category: str, kind: str, of: dict[Sample, str], remedy: str) -> Iterable[Problem]:
    counts = Counter(of.values()).most_common()
    if len(counts) > 1:
        rarest = next(sample.path for sample, value in of.items() if value == counts[-1][0])
        listed = ", ".join(f"{value} ({count})" for value, count in counts[:4])
        yield warning(category, f"mixes {kind}: {listed}; {rarest} is one of the rarest", remedy)


def squash_problems(headers: dict[Sample, Header]) -> list[Problem]:
    """Categories with long images, which a model sees as squares: one warning each."""
    found: list[Problem] = []
    for category in dict.fromkeys(sample.category for sample in headers):
        own = [header for sample, header in headers.items() if sample.category == category]
        long = [header for header in own if is_squashed(header.height, header.width)]
        if long:
            longest = max(long, key=lambda header: aspect(header.height, header.width))
            found.append(warning(category, squashed(len(long), longest.height, longest.width), SQUASHED_REMEDY))
    return found


def file_problems(root: Path, samples: Sequence[Sample]) -> list[Problem]:
    """Every quick check of files. For 500 images of 1 MB it takes about half a second."""
    found, headers = header_problems(root, samples)
    if not errors(found):
        found += mask_values(root, samples)
        found += mixture_problems(headers)
        found += squash_problems(headers)
        found += [p for p in duplicate_problems(same_bytes(root, samples)) if p.severity == "error"]
    return found
