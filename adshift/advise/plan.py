"""What an advice is asked to do, checked before anything long starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adshift.adaptation.few_images import FewImages
from adshift.config.build import build, checked, names, within
from adshift.data.pasted import Pasted
from adshift.errors import AdshiftError

REPAIRS = ("none", "threshold", "few", "full")
"""From the cheapest to the dearest: each takes more than the one before, and all take the same photographs."""


@dataclass(frozen=True)
class AdvisePlan:
    """One advice; see conf/advise.yaml for the keys."""

    run: Path
    repairs: tuple[str, ...]
    few: FewImages
    folds: int
    images: int
    defects: Sequence[str]
    defect_size: float
    bootstrap: int
    seed: int


def make_advise_plan(config: Mapping[str, Any]) -> AdvisePlan:
    """Read a resolved configuration.

    Raises:
        AdshiftError: a value is out of its bounds.
    """
    asked = names("repairs", config["repairs"], "[none,threshold,full]")
    for name in asked:
        if name not in REPAIRS:
            raise AdshiftError(f"repairs holds {name}, which must be one of: {', '.join(REPAIRS)}")
    if "none" not in asked:
        raise AdshiftError(f"repairs=[{','.join(asked)}] must hold none, which the others are compared with; add it")
    plan = AdvisePlan(
        run=Path(checked("run", config["run"], str)),
        repairs=tuple(name for name in REPAIRS if name in asked),
        few=build(config["few"], "adaptation"),
        folds=checked("folds", config["folds"], int),
        images=checked("images", config["images"], int),
        defects=names("defects", config["defects"], "[scratch,stain]"),
        defect_size=checked("defect_size", config["defect_size"], float),
        bootstrap=checked("bootstrap", config["bootstrap"], int),
        seed=checked("seed", config["seed"], int),
    )
    if not plan.defects:
        raise AdshiftError("defects=[] holds no kind; leave it out for all of them")
    for kind in plan.defects:
        Pasted(kind, plan.defect_size, plan.seed)  # refuses an unknown kind and a size out of bounds
    within("folds", plan.folds, 2, 1000, "5 is customary")
    within("images", plan.images, 0, 10**6, "0 takes all, 80 is the default")
    within("bootstrap", plan.bootstrap, 100, 10**6, "1000 is usual")
    within("seed", plan.seed, 0, 2**32 - 1, "the default is 0")
    return plan
