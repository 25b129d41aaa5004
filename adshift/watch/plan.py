"""What a watch is asked to do, checked before anything long starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adshift.calibration.scores import check_rate
from adshift.config.build import checked, one_of, within
from adshift.data.outputs import is_written
from adshift.data.series.rules import NONE, by_path
from adshift.errors import AdshiftError

ADVISE, THRESHOLD = REPAIRS = ("advise", "threshold")
LEAST_PHOTOGRAPHS = 20


@dataclass(frozen=True)
class WatchPlan:
    """One watch; see conf/watch.yaml for the keys."""

    run: Path
    source: Path
    category: str | None
    data_root: str | None
    device: str
    once: bool
    settle: float
    patience: float
    poll: float
    notices: bool
    pictures: str
    max_pictures: int
    picture_size: int
    page: float
    delta: float
    seed: int
    repair: str
    auto: bool
    photographs: int
    again: bool
    groups: str | None


def make_watch_plan(config: Mapping[str, Any]) -> WatchPlan:
    """Read a resolved configuration.

    Raises:
        AdshiftError: a value is of another type or out of its bounds, or the source is no folder.
    """
    drift = config["drift"]
    given = Path(checked("source", config["source"], str))
    if not given.is_dir():
        raise AdshiftError(f"source={given} is no folder; name the one that the camera fills")
    plan = WatchPlan(
        run=Path(checked("run", config["run"], str)).resolve(),
        source=given.resolve(),  # a part is known by its path: by whatever name the folder is given, it is the same one
        category=_text("category", config["category"]),
        data_root=_text("data_root", config["data_root"]),
        device=checked("device", config["device"], str),
        once=checked("once", config["once"], bool),
        settle=checked("settle", config["settle"], float),
        patience=checked("patience", config["patience"], float),
        poll=checked("poll", config["poll"], float),
        notices=checked("notices", config["notices"], bool),
        pictures=checked("pictures", config["pictures"], str),
        max_pictures=checked("max_pictures", config["max_pictures"], int),
        picture_size=checked("picture_size", config["picture_size"], int),
        page=checked("page", config["page"], float),
        delta=checked("drift.delta", drift["delta"], float),
        seed=checked("drift.seed", drift["seed"], int),
        repair=checked("repair", config["repair"], str),
        auto=checked("auto", config["auto"], bool),
        photographs=checked("photographs", config["photographs"], int),
        again=checked("again", config["again"], bool),
        groups=_text("groups", config["groups"]),
    )
    if is_written(plan.source):
        raise AdshiftError(
            f"source={given} holds pictures that a program of adshift wrote; name the folder that the camera fills"
        )
    check_rate("drift.delta", plan.delta)
    within("drift.seed", plan.seed, 0, 2**32 - 1, "the default is 0")
    for name, value, low in (("settle", plan.settle, 0.01), ("poll", plan.poll, 0.05), ("page", plan.page, 0.2)):
        if value < low:
            raise AdshiftError(f"{name}={value} must be >= {low} seconds; --help shows the default")
    if plan.patience < plan.settle:
        raise AdshiftError(
            f"patience={plan.patience} must be >= settle={plan.settle} seconds: a file that cannot be decoded is tried "
            "again after those; leave both out"
        )
    within("max_pictures", plan.max_pictures, 0, 10**9, "0 keeps those of all parts")
    within("photographs", plan.photographs, LEAST_PHOTOGRAPHS, 10_000, "40 is the default")
    one_of("repair", plan.repair, REPAIRS)
    if plan.groups is not None and by_path(plan.groups, "groups") is None and plan.groups != NONE:
        raise AdshiftError(
            f"groups={plan.groups} must tell a part's series by itself: a regular expression of the file's name, a .csv "
            "file with path and group, or none"
        )
    if plan.auto and plan.repair != THRESHOLD:
        raise AdshiftError(
            f"auto=true repair={plan.repair}: a new threshold is the one repair that is made without a person; use "
            "repair=threshold auto=true, or leave auto out"
        )
    return plan


def _text(name: str, value: Any) -> str | None:
    return None if value is None else str(checked(name, value, str))
