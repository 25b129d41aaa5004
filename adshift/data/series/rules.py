"""``data.groups``: what tells the series that an image belongs to.

``none``          every image is one by itself
``auto``          as names and pictures tell (`adshift.data.series.found`)
``exif:SECONDS``  taken one after another, with less than so many seconds between
``FILE.csv``      its columns ``path`` (or a file's name) and ``group``
``REGEX``         what its groups capture in the file's name, or the whole match where it has none
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from adshift.data.samples import CategoryIndex, Sample
from adshift.data.series.found import found
from adshift.data.series.tables import by_table
from adshift.data.series.times import EXIF, by_time
from adshift.errors import AdshiftError

NONE, AUTO = "none", "auto"
Rule = Callable[[Path, Sequence[Sample]], "tuple[dict[str, str], str]"]
"""A root and images in name order to the group of each path that has one, and what is to be said of that."""


def rule_of(text: str) -> Rule | None:
    """The rule that ``data.groups`` names; None for ``none``.

    Raises:
        AdshiftError: no number of seconds, no such file, or no regular expression.
    """
    if text == NONE:
        return None
    if text == AUTO:
        return _found
    group = by_path(text)
    return by_time(text) if group is None else _of_each(text, group)


def in_series(index: CategoryIndex, rule: Rule | None, root: Path) -> tuple[CategoryIndex, tuple[str, ...]]:
    """A category with the group of every image, and what is to be said of them.

    Each real domain is looked at by itself, and so are images to train on and images to test on where pictures tell.

    Raises:
        AdshiftError: the rule groups nothing at all; an image that it reads cannot be read.
    """
    if rule is None:
        return index, ()
    group_of: dict[Sample, str] = {}
    told: dict[str, None] = {}
    for part in _apart(index.samples):
        names, said = rule(root, part)
        group_of |= {sample: names[sample.path] for sample in part if sample.path in names}
        told |= {said: None} if said else {}
    if told and not group_of:
        raise AdshiftError(
            f"{next(iter(told))}; data.groups=auto looks at the pictures, data.groups=none groups nothing"
        )

    def grouped(samples: Sequence[Sample]) -> tuple[Sample, ...]:
        return tuple(replace(sample, group=group_of.get(sample, "")) for sample in samples)

    lists = (index.train_good, index.test_good, index.test_anomalous, index.validation_good, index.uncertain)
    return CategoryIndex(index.category, *map(grouped, lists)), tuple(told)


def _apart(samples: Sequence[Sample]) -> list[list[Sample]]:
    parts: dict[tuple[str, str], list[Sample]] = {}
    for sample in sorted(samples):
        parts.setdefault((sample.domain, sample.part), []).append(sample)
    return list(parts.values())


def _found(root: Path, samples: Sequence[Sample]) -> tuple[dict[str, str], str]:
    way = found(root, samples)
    if way is None:
        return {}, ""
    names = {sample.path: group for sample, group in zip(samples, way.groups, strict=True)}
    return names, f"data.groups=auto: the images of {samples[0].part} in series by {way.told}"


def by_path(text: str, key: str = "data.groups") -> Callable[[str], str] | None:
    """What tells the series of a single picture by its path, empty for one by itself; None for rules that look at several.

    ``key`` is where the rule was given, for the message.

    Raises:
        AdshiftError: no such file, or no regular expression.
    """
    if text in (NONE, AUTO) or text.startswith(EXIF):
        return None
    if text.lower().endswith(".csv"):
        return by_table(Path(text), key)
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise AdshiftError(
            f"{key}={text} must be none, auto, exif:SECONDS, a .csv file or a regular expression ({error}); "
            "'^([^_]+)_' takes what stands before the first underscore of a file's name"
        ) from error

    def captured(path: str) -> str:
        match = pattern.search(PurePosixPath(path).name)
        return "" if match is None else "|".join(part or "" for part in match.groups()) or match.group()

    return captured


def _of_each(text: str, group: Callable[[str], str]) -> Rule:
    def rule(root: Path, samples: Sequence[Sample]) -> tuple[dict[str, str], str]:
        names = {sample.path: name for sample in samples if (name := group(sample.path))}
        return names, "" if names or not samples else (
            f"data.groups={text} groups none of {len(samples)} images of {samples[0].part} ({samples[0].path} the first)"
        )

    return rule
