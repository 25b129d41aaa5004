"""Which photographs are tested on where a data set shows its parts in several lights, and what it cannot be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from adshift.data.samples import CategoryIndex, Sample
from adshift.data.splits import Role, Split, Splitter, split_all
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
from adshift.shift.lighting import ALL, Lighting, light_of


def split_in_light(
    indices: Sequence[CategoryIndex], splitter: Splitter, domains: Mapping[Role, Sequence[Domain]], regime: str
) -> Split:
    """``split_all``, with the test images that were taken in the light of the test domain.

    Args:
        indices: the categories, in every light.
        splitter: divides one category.
        domains: those that each role is seen in; the test role has one.
        regime: its name, for the message.

    Raises:
        AdshiftError: the data set does not tell lights, has no test image in this one, or lacks it where the regime
            trains or calibrates.
    """
    (target,) = domains["test"]
    split = split_all([in_light(index, target) for index in indices], splitter)
    roles: tuple[Role, ...] = ("train", "calibration")
    for role in roles:
        for domain in domains[role]:
            _require_light(split.of(role), light_of(domain), f"adaptation={regime} needs {role}")
    return split


def in_light(index: CategoryIndex, target: Domain) -> CategoryIndex:
    """A category with those of its test images alone that were taken in the light of ``target``."""
    wanted = light_of(target)
    lights = sorted({s.light for s in (*index.test_good, *index.test_anomalous) if s.light})
    if not lights and isinstance(target, Lighting):
        raise AdshiftError(
            f"domain.lighting={wanted}: the files of category={index.category} tell no light; use data=mvtec_ad_2, or "
            "domain=shift for an artificial shift"
        )
    if not lights or wanted == ALL:
        return index
    if wanted not in lights:
        raise AdshiftError(
            f"domain.lighting={wanted} is none of the lights of category={index.category}; choose one of: "
            f"{', '.join(lights)}, {ALL}"
        )
    good, anomalous = (tuple(s for s in part if s.light == wanted) for part in (index.test_good, index.test_anomalous))
    return replace(index, test_good=good, test_anomalous=anomalous)


def _require_light(samples: Sequence[Sample], wanted: str, who: str) -> None:
    others = [sample for sample in samples if sample.light not in ("", wanted)]
    if not others:
        return
    if others[0].label:
        raise AdshiftError(
            f"this split lends test images in domain.lighting={others[0].light} to the calibration, which is in "
            f"{wanted} light; use split=standard or split=official, with a threshold that needs normal images alone"
        )
    raise AdshiftError(
        f"{who} images in domain.lighting={wanted}, and category={others[0].category} has "
        f"them in {others[0].light} light alone; use adaptation=none"
    )


def light_notes(test: Sequence[Sample]) -> list[str]:
    """A line for each category whose test images show a part more than once, in different lights."""
    notes = []
    for category in dict.fromkeys(sample.category for sample in test):
        lights = sorted({sample.light for sample in test if sample.category == category})
        if len(lights) > 1:
            notes.append(
                f"{category}: its test images show the same parts in {len(lights)} lights ({', '.join(lights)}); the "
                "intervals take images to be independent and are too narrow"
            )
    return notes
