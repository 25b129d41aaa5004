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
"""A root and images in name order to the group of each path that has one, and what is to be said of it."""


def rule_of(text: str) -> Rule | None:
    """The rule that ``data.groups`` names; None for ``none``.

    Raises:
        AdshiftError: no number of seconds, no such file, or no regular expression.
    """
    if text == NONE:
        return None
    if text == AUTO:
        return _found
    if text.startswith(EXIF):
        return by_time(text)
    if text.lower().endswith(".csv"):
        return by_table(Path(text))
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise AdshiftError(
            f"data.groups={text} must be none, auto, exif:SECONDS, a .csv file or a regular expression ({error}); "
            "'^([^_]+)_' takes what stands before the first underscore of a file's name"
        ) from error
    return _by_name(pattern)


def in_series(index: CategoryIndex, rule: Rule | None, root: Path) -> tuple[CategoryIndex, tuple[str, ...]]:
    """A category with the group of every image, and what is to be said of them.

    Each real domain is looked at by itself, and so are images to train on and images to test on where pictures tell.

    Raises:
        AdshiftError: as the rule does.
    """
    if rule is None:
        return index, ()
    group_of: dict[Sample, str] = {}
    told: dict[str, None] = {}
    for part in _apart(index.samples):
        names, said = rule(root, part)
        group_of |= {sample: names[sample.path] for sample in part if sample.path in names}
        told |= {said: None} if said else {}

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


def _by_name(pattern: re.Pattern[str]) -> Rule:
    def rule(root: Path, samples: Sequence[Sample]) -> tuple[dict[str, str], str]:
        matches = {s.path: pattern.search(PurePosixPath(s.path).name) for s in samples}
        names = {path: "|".join(g or "" for g in m.groups()) or m.group() for path, m in matches.items() if m}
        if not names:
            first = PurePosixPath(samples[0].path).name
            raise AdshiftError(
                f"data.groups={pattern.pattern} matches none of {len(samples)} names ({first} the first); '^([^_]+)_' takes "
                "what stands before the first underscore, data.groups=none groups nothing"
            )
        return names, ""

    return rule
