"""What a stress test is asked to do, checked before anything long starts."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adshift.adaptation.full import FullAdaptation
from adshift.adaptation.none import NoAdaptation
from adshift.adaptation.threshold import ThresholdAdaptation
from adshift.config.build import build, checked
from adshift.data.pasted import Pasted
from adshift.data.samples import CategoryIndex, Sample
from adshift.errors import AdshiftError
from adshift.shift.by_name import named_domain
from adshift.shift.domain import Domain
from adshift.shift.photos import photos_of

COMPONENTS = ("all", "geometric", "photometric", "illumination")
"""The shift as a whole, then its families."""
REPAIRS: dict[str, Any] = {
    "none": NoAdaptation(), "threshold": ThresholdAdaptation(), "full": FullAdaptation(),
}  # fmt: skip
"""Repair -> its regime (``adshift.adaptation.roles.Regime``)."""
MIN_IMAGES = 10


@dataclass(frozen=True)
class StressPlan:
    """One stress test; see conf/stress.yaml for the keys. ``home`` is what the images are in before any change."""

    run: Path
    home: Domain
    severities: tuple[float, ...]
    components: tuple[str, ...]
    repairs: tuple[str, ...]
    defects: tuple[str, ...]
    defect_size: float
    folds: int
    images: int
    bootstrap: int
    seed: int

    def domains(self) -> list[tuple[str, Domain]]:
        """Every change with its domain, a component's severities together; the images as they are are not among them."""
        return [(c, self.domain(c, s)) for c in self.components for s in self.severities]

    def domain(self, component: str, severity: float) -> Domain:
        """A change of the images as they are in ``home``."""
        changed = component_domain(component, severity, self.seed)
        return changed if self.home == Domain() else replace(changed, before=self.home)


def component_domain(component: str, severity: float, seed: int) -> Domain:
    """The domain of a component at a severity."""
    return named_domain("shift" if component == "all" else component, severity, seed)


def make_stress_plan(config: Mapping[str, Any]) -> StressPlan:
    """Read a resolved configuration.

    Raises:
        AdshiftError: a value is out of its bounds.
    """
    plan = StressPlan(
        run=Path(checked("run", config["run"], str)),
        home=_home(config),
        severities=tuple(sorted({_severity(s) for s in _list(config, "severities")} - {0.0})),
        components=_choice(config, "components", COMPONENTS),
        repairs=_choice(config, "repairs", REPAIRS),
        defects=tuple(str(kind) for kind in _list(config, "defects")),
        defect_size=checked("defect_size", config["defect_size"], float),
        folds=checked("folds", config["folds"], int),
        images=checked("images", config["images"], int),
        bootstrap=checked("bootstrap", config["bootstrap"], int),
        seed=checked("seed", config["seed"], int),
    )
    for kind in plan.defects:
        Pasted(kind, plan.defect_size, plan.seed)  # refuses an unknown kind and a size out of bounds
    if "none" not in plan.repairs:
        raise AdshiftError(f"repairs={list(plan.repairs)} must hold none, which the others are compared with; add it")
    if plan.folds < 2:
        raise AdshiftError(f"folds={plan.folds} must be >= 2; 5 is customary")
    if plan.images != 0 and plan.images < MIN_IMAGES:
        raise AdshiftError(f"images={plan.images} must be 0 (all) or at least {MIN_IMAGES}; the default is 80")
    if not 100 <= plan.bootstrap <= 10**6:
        raise AdshiftError(f"bootstrap={plan.bootstrap} must be in [100, 1000000]; 1000 is usual")
    if not 0 <= plan.seed < 2**32:
        raise AdshiftError(f"seed={plan.seed} must be in [0, 2^32); the default is 0")
    return plan


def _home(config: Mapping[str, Any]) -> Domain:
    """Photographs of the target, or the run's own images as they are."""
    home: Domain = build(config["domain"], "domain")
    if photos_of(home) is not None:
        return home
    if not home.is_identity:
        raise AdshiftError(
            f"domain={home.name} changes the images, which is what severities and components are for; leave it out, or "
            "stress photographs of a new lamp: domain=photos domain.root=FOLDER"
        )
    return Domain()


def _list(config: Mapping[str, Any], key: str) -> list[Any]:
    found = config[key]
    if not isinstance(found, list) or not found:
        raise AdshiftError(
            f"{key}={found} must be a list that is not empty; python -m adshift.stress --help shows the default"
        )
    return found


def _choice(config: Mapping[str, Any], key: str, known: Collection[str]) -> tuple[str, ...]:
    asked = [str(name) for name in _list(config, key)]
    for name in asked:
        if name not in known:
            raise AdshiftError(f"{key} holds {name}, which must be one of: {', '.join(known)}")
    return tuple(name for name in known if name in asked)


def _severity(value: Any) -> float:
    severity = float(checked("severities", value, float))
    if not (math.isfinite(severity) and 0 <= severity <= 10):
        raise AdshiftError(f"severities holds {value}, which must be in [0, 10]; 1 is the study's shift")
    return severity


def photographs(index: CategoryIndex, plan: StressPlan) -> tuple[Sample, ...]:
    """The good images that take part: those of train and of test, a seeded choice where there are more than ``images``.

    Raises:
        AdshiftError: there are too few.
    """
    good: Sequence[Sample] = sorted((*index.train_good, *index.test_good))
    needed = max(MIN_IMAGES, plan.folds)
    if len(good) < needed:
        fewer = f", or use folds={len(good)} or less" if len(good) >= MIN_IMAGES else ""
        raise AdshiftError(
            f"{index.category} has {len(good)} good images, and this stress test needs {needed}; add some{fewer}"
        )
    if 0 < plan.images < len(good):
        good = sorted(random.Random(plan.seed).sample(good, plan.images))
    return tuple(good)
