"""The three splits of the protocol: which image plays which role. They depend on file names, groups and seeds alone.

Pictures of one series (`adshift.data.series`) have one role: what is said of normals is done to series then.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from adshift.data.samples import CategoryIndex, Sample, by_unit, unit_count
from adshift.errors import AdshiftError

Role = Literal["train", "calibration", "test", "uncertain"]
ROLES: tuple[Role, ...] = ("train", "calibration", "test")
"""Those that figures are made of."""


@dataclass(frozen=True)
class Split:
    """The samples of each role. No sample has two roles.

    ``uncertain`` are test images that the data set calls neither good nor defective: they are scored, and count in no
    figure. ``notes`` say what should be known of the images, a line each.
    """

    train: tuple[Sample, ...]
    calibration: tuple[Sample, ...]
    test: tuple[Sample, ...]
    uncertain: tuple[Sample, ...] = ()
    notes: tuple[str, ...] = ()

    def of(self, role: Role) -> tuple[Sample, ...]:
        """The samples of one role."""
        return {
            "train": self.train, "calibration": self.calibration, "test": self.test, "uncertain": self.uncertain,
        }[role]  # fmt: skip


class Splitter(Protocol):
    """Divides one category's images among the roles."""

    def __call__(self, index: CategoryIndex) -> Split: ...


@dataclass(frozen=True)
class StudySplit:
    """The study's own split (docs/protocol.md): 80 % of train/good trains, the rest calibrates with 30 % of the anomalies.

    ``random.Random(seed)`` shuffles the sorted train/good, then the same generator shuffles the anomalies, listed by
    defect folder and file. The first int(train_fraction * n) normals train; the first int(anomaly_fraction * n)
    anomalies calibrate. All of test/good is tested, with the anomalies that are left.
    """

    seed: int = 42
    train_fraction: float = 0.8
    anomaly_fraction: float = 0.3

    def __post_init__(self) -> None:
        _check_fraction("split.train_fraction", self.train_fraction)
        if not 0 <= self.anomaly_fraction < 1:
            raise AdshiftError(f"split.anomaly_fraction={self.anomaly_fraction} must be in [0, 1); the study's is 0.3")

    def __call__(self, index: CategoryIndex) -> Split:
        generator = random.Random(self.seed)
        train, held_out = _hold_out(index, self.train_fraction, generator)
        anomalies = list(index.test_anomalous)
        generator.shuffle(anomalies)
        n_anomalies = int(self.anomaly_fraction * len(anomalies))
        return Split(
            tuple(sorted(train)),
            tuple(sorted(held_out + anomalies[:n_anomalies])),
            tuple(sorted([*index.test_good, *anomalies[n_anomalies:]])),
        )


@dataclass(frozen=True)
class StandardSplit:
    """Calibrate on held-out normals, test on the whole official test set: no test image is ever calibrated on.

    A data set that keeps normals apart itself (``validation_good``) calibrates on those, and all of train/good trains.
    """

    seed: int = 42
    train_fraction: float = 0.8

    def __post_init__(self) -> None:
        _check_fraction("split.train_fraction", self.train_fraction)

    def __call__(self, index: CategoryIndex) -> Split:
        train, held_out = _hold_out(index, self.train_fraction, random.Random(self.seed))
        return Split(
            tuple(sorted(train)),
            tuple(sorted(held_out)),
            tuple(sorted([*index.test_good, *index.test_anomalous])),
        )


@dataclass(frozen=True)
class OfficialSplit:
    """Train on all of train/good, test on the whole test set: the split of the published tables.

    Nothing calibrates but the normals that the data set itself keeps apart for it (``validation_good``).
    """

    def __call__(self, index: CategoryIndex) -> Split:
        return Split(index.train_good, index.validation_good, tuple(sorted([*index.test_good, *index.test_anomalous])))


def _hold_out(index: CategoryIndex, fraction: float, generator: random.Random) -> tuple[list[Sample], list[Sample]]:
    """The normals that train and those that calibrate: by a shuffle of their groups, or as the data set divides them."""
    if index.validation_good:
        return list(index.train_good), list(index.validation_good)
    units = list(by_unit(index.train_good).values())
    generator.shuffle(units)
    n_train = int(fraction * len(units))
    return _flat(units[:n_train]), _flat(units[n_train:])


def _flat(units: Sequence[Sequence[Sample]]) -> list[Sample]:
    return [sample for unit in units for sample in unit]


def _check_fraction(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise AdshiftError(f"{name}={value} must be in (0, 1), both ends excluded; the study's is 0.8")


def split_all(indices: Sequence[CategoryIndex], splitter: Splitter) -> Split:
    """Split each category by itself and pool the roles, categories in the order given.

    Raises:
        AdshiftError: a category is left without a train image.
    """
    parts = [splitter(index) for index in indices]
    for index, part in zip(indices, parts, strict=True):
        if not part.train:
            units = unit_count(index.train_good)
            series = f" in {units} groups (data.groups)" if units < len(index.train_good) else ""
            raise AdshiftError(
                f"category={index.category} has {len(index.train_good)} train/good images{series}, of which the split "
                "leaves 0 to train on; add images, or use split=official"
            )
    return replace(pooled(parts), uncertain=tuple(sample for index in indices for sample in index.uncertain))


def pooled(parts: Sequence[Split]) -> Split:
    """The roles of several splits, one split after another."""

    def together(role: Role) -> tuple[Sample, ...]:
        return tuple(sample for part in parts for sample in part.of(role))

    return Split(together("train"), together("calibration"), together("test"), together("uncertain"))
