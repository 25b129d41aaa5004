"""What can be told of a stress test before anything heavy is imported: its settings, its images, their mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from adshift.config.plan import Plan, make_plan
from adshift.data.acquire import acquire
from adshift.data.domains import taken_in
from adshift.data.moved import placed
from adshift.data.photographs import index_photographs
from adshift.data.samples import Sample
from adshift.data.series.rules import in_series
from adshift.errors import AdshiftError
from adshift.results.read import read_config, read_result
from adshift.shift.domain import Domain
from adshift.shift.photos import photos_of
from adshift.stress.plan import StressPlan, make_stress_plan, photographs


class Foreseen(NamedTuple):
    """What is asked for, the run's configuration and plan, the good images that take part, and a line on their series."""

    asked: StressPlan
    fitted: dict[str, Any]
    plan: Plan
    good: tuple[Sample, ...]
    told: tuple[str, ...]


def foresee(chosen: dict[str, Any]) -> Foreseen:
    """Read a resolved configuration and find the images.

    Raises:
        AdshiftError: the run is of no use here, a value is out of bounds, or there are too few good images.
    """
    asked = make_stress_plan(chosen)
    fitted, plan = _settings(asked.run, chosen["data_root"])
    photos = photos_of(asked.home)
    if photos is None:
        (whole,) = acquire(plan.source, plan.root, plan.categories, plan.folder)
        index = taken_in(whole, None, plan.domain)
    else:
        (index,) = index_photographs(Path(photos.root), plan.categories)
    index, told = in_series(index, plan.series, plan.root if photos is None else Path(photos.root))
    return Foreseen(asked, fitted, plan, photographs(index, asked), told)


def _settings(run: Path, data_root: str | None) -> tuple[dict[str, Any], Plan]:
    """The configuration of the run, with its images where they lie now, and its plan.

    Raises:
        AdshiftError: it is none of a finished run on one category.
    """
    config: dict[str, Any] = read_result(run)["config"]
    with read_config(run):
        config = {**config, "data": placed(config["data"], data_root, run)}
        plan = make_plan(config, Domain())
    if len(plan.categories) != 1:
        raise AdshiftError(
            f"run={run} holds {len(plan.categories)} categories, and a stress test takes one; fit one with "
            "data.category=NAME"
        )
    return config, plan
