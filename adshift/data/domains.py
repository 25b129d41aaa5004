"""The real domains that a data set tells of its images: which there are, and the images of one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from adshift.data.samples import CategoryIndex, Sample
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
from adshift.shift.named import ALL, Named
from adshift.shift.real import real_of


def domains_of(samples: Iterable[Sample]) -> tuple[str, ...]:
    """The names of the samples' domains, sorted; empty where the data set tells none."""
    return tuple(sorted({sample.domain for sample in samples} - {""}))


def source_domain(index: CategoryIndex, named: str) -> str:
    """The domain that models are fitted in where nothing is adapted; empty where the data set tells none.

    Args:
        index: a category, in every domain.
        named: ``data.domain``; empty for the only one that has images to train on.

    Raises:
        AdshiftError: there is no such domain, or there are several and none was named.
    """
    fitted = domains_of(index.train_good)
    if not named and len(fitted) > 1:
        raise AdshiftError(
            f"category={index.category} has images to train on in {len(fitted)} domains ({', '.join(fitted)}); say in "
            f"which a model is fitted: data.domain={fitted[0]}"
        )
    if named and named not in fitted:
        raise AdshiftError(
            f"data.domain={named} is no domain that category={index.category} has images to train on in; choose one of: "
            f"{', '.join(fitted) or 'none, its files tell no domain'}"
        )
    return named or "".join(fitted)


def taken_in(index: CategoryIndex, domain: Named | None, source: str) -> CategoryIndex:
    """A category with the images of one domain alone.

    Args:
        index: the category, in every domain.
        domain: the one that is wanted; None for that of ``source``.
        source: see ``source_domain``.

    Raises:
        AdshiftError: the data set does not tell this domain; says which it tells.
    """
    known = domains_of(index.samples)
    if domain is not None and domain.chosen not in (*known, ALL):
        raise AdshiftError(
            f"{domain.told} is none of the domains of category={index.category}; choose one of: {', '.join(known)}, {ALL}"
        )
    wanted = source_domain(index, source) if domain is None else domain.chosen
    if not known or wanted == ALL:
        return index

    def of(samples: Iterable[Sample]) -> tuple[Sample, ...]:
        return tuple(sample for sample in samples if sample.domain == wanted)

    return replace(
        index,
        train_good=of(index.train_good),
        validation_good=of(index.validation_good),
        test_good=of(index.test_good),
        test_anomalous=of(index.test_anomalous),
        uncertain=of(index.uncertain),
    )


def refuse_namesake(indices: Sequence[CategoryIndex], target: Domain, source: str) -> None:
    """Refuse an option of conf/domain that has the name of a domain that the data set tells: either may be meant.

    Where that is the ``source`` itself, there is no doubt.

    Raises:
        AdshiftError: says how each is asked for.
    """
    for index in indices:
        if real_of(target) is None and target.name != source and target.name in domains_of(index.samples):
            raise AdshiftError(
                f"domain={target.name} is an option of conf/domain, and a domain of category={index.category}; write "
                f"domain=named domain.name={target.name} for its photographs, or domain={target.name} "
                "domain.name=simulated for the former"
            )


def tested_alone(index: CategoryIndex) -> tuple[str, ...]:
    """The domains that a category has images to test on in, and none to train or calibrate on."""
    trained = domains_of((*index.train_good, *index.validation_good))
    tested = domains_of((*index.test_good, *index.test_anomalous))
    return tuple(name for name in tested if name not in trained)


def domain_notes(test: Sequence[Sample]) -> list[str]:
    """A line for each category whose test images are of several domains."""
    notes = []
    for category in dict.fromkeys(sample.category for sample in test):
        found = domains_of(sample for sample in test if sample.category == category)
        if len(found) > 1:
            notes.append(
                f"{category}: its test images are of {len(found)} domains ({', '.join(found)}); where these show the same "
                "parts, the intervals, which take images to be independent, are too narrow"
            )
    return notes
