"""Which images play which role in a cell: by its split and domains, without what its model has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from adshift.adaptation.few_images import draw
from adshift.config.plan import Plan
from adshift.data.acquire import acquire
from adshift.data.lighting import split_in_light
from adshift.data.photographs import index_photographs
from adshift.data.samples import Sample
from adshift.data.seen import Known, as_they_were, contents_of, strangers
from adshift.data.splits import ROLES, Role, Split
from adshift.data.target_split import split_photographs
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
from adshift.shift.photos import Photos, photos_of

if TYPE_CHECKING:  # it needs Lightning, which is not imported before the roles stand
    from adshift.data.datamodule import AnomalyDataModule

SOURCE = Domain()
"""What a model is fitted in where nothing is adapted."""


def divide(plan: Plan, known: Known | None) -> Split:
    """The roles before any picture is looked at.

    Raises:
        AdshiftError: as the splits and the data sources do; an image of a finished run's fit is gone.
    """
    domains = {role: plan.recipe.of(role) for role in ROLES}
    indices = acquire(plan.source, plan.root, plan.categories, plan.folder)
    photos = photos_of(plan.recipe.test)
    if photos is None:
        split = split_in_light(indices, plan.splitter, domains, plan.regime.name)
    else:
        split = split_photographs(
            indices, index_photographs(Path(photos.root), plan.categories), plan.splitter, domains
        )
    if known is None or photos_of(domains["train"][0]) is not None:
        return split
    everything = [sample for index in indices for sample in index.samples]
    return _as_it_was(plan, split, everything, known)


def _as_it_was(plan: Plan, split: Split, everything: Sequence[Sample], known: Known) -> Split:
    """A split with the roles that the run's images had, whatever lies beside them today."""
    train = as_they_were(everything, known.seen, "train")
    wanted = [image for image in known.seen if image.role == "train"]
    if len(train) < len(wanted):
        there = {sample.path for sample in train}
        gone = [image.path for image in wanted if image.path not in there]
        raise AdshiftError(
            f"{len(gone)} of the {len(wanted)} images that the run was fitted on are gone, {gone[0]} the first; restore "
            f"them in {plan.root / plan.folder}, or give the folder that holds all of them: data_root=FOLDER"
        )
    if photos_of(plan.recipe.calibration[0]) is not None:
        return replace(split, train=train)
    calibration = as_they_were(everything, known.seen, "calibration") if known.same_split else split.calibration
    taken = {*train, *calibration}
    return Split(train, calibration, tuple(sample for sample in split.test if sample not in taken))


def without_seen(plan: Plan, datamodule: AnomalyDataModule, known: Known | None) -> tuple[Split, list[str]]:
    """The split without calibration and test images whose pictures the model has seen under any name; what is to be said.

    A finished run's own calibration images stay where they calibrate again: they were held out of its fit.

    Raises:
        AdshiftError: no calibration image is left.
    """
    split, photos = datamodule.split, photos_of(plan.recipe.test)
    if known is None and photos is None:
        return split, []
    contents = _fitted_contents(plan, datamodule, known)
    paths = frozenset() if known is None else frozenset(i.path for i in known.seen if i.role == "train")
    notes: list[str] = []
    kept: dict[Role, tuple[Sample, ...]] = {}
    for role in ("calibration", "test"):
        domain, samples = plan.recipe.of(role)[0], split.of(role)
        held = datamodule.images(samples, domain).contents if samples else ()
        kept[role] = strangers(samples, held, contents, paths if photos_of(domain) is None else frozenset())
        dropped = len(samples) - len(kept[role])
        if role == "calibration" and dropped == len(samples) > 0:
            raise AdshiftError(
                f"all {dropped} calibration images are pictures that the model was fitted on; keep the run's own split, or "
                "give photographs that it has not seen"
            )
        if dropped:
            notes.append(
                f"{dropped} of {len(samples)} {role} images are pictures that the model was fitted on, whatever their "
                "files are called: left out"
            )
    return replace(split, calibration=kept["calibration"], test=kept["test"]), notes


def _fitted_contents(plan: Plan, datamodule: AnomalyDataModule, known: Known | None) -> frozenset[str]:
    if known is not None:
        return contents_of(known.seen, "train")
    return frozenset(datamodule.images(datamodule.split.train, plan.recipe.train[0]).contents)


def drawn(plan: Plan, split: Split, photos: Photos | None) -> Split:
    """For ``few``: the k images that calibrate; the other photographs are tested where nothing else is."""
    if plan.recipe.few is None:
        return split
    if not split.calibration and photos is None:
        without = " crossfit=0" if plan.crossfit else ""
        remedy = f"use split=standard{without}, which keeps some for it" if plan.home is None else (
            "use adaptation=none, or photographs: domain=photos domain.root=FOLDER"
        )  # fmt: skip
        raise AdshiftError(
            f"few.k={plan.recipe.few.k} images are drawn from the calibration normals, and the split leaves "
            f"{plan.categories[0]} 0; {remedy}"
        )
    chosen = draw(plan.recipe.few, split.calibration, plan.categories)
    rest = tuple(s for s in split.calibration if s.label == 0 and s not in chosen)
    return replace(split, calibration=chosen, test=split.test or (rest if photos is not None else ()))
