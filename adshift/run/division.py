"""Which images play which role in a cell: by its split and domains, without what its model has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from adshift.adaptation.few_images import draw
from adshift.config.plan import Plan
from adshift.data.acquire import acquire
from adshift.data.domains import refuse_namesake, taken_in
from adshift.data.photographs import index_photographs
from adshift.data.samples import CategoryIndex, Sample
from adshift.data.seen import Known, as_they_were, contents_of, strangers
from adshift.data.series.notes import series_notes
from adshift.data.series.rules import in_series
from adshift.data.splits import Role, Split
from adshift.data.target_split import split_in_domains
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
from adshift.shift.named import Named
from adshift.shift.photos import Photos, photos_of
from adshift.shift.real import Real, real_of

if TYPE_CHECKING:  # it needs Lightning, which is not imported before the roles stand
    from adshift.data.datamodule import AnomalyDataModule

SOURCE = Domain()
"""What a model is fitted in where nothing is adapted."""


def divide(plan: Plan, known: Known | None) -> Split:
    """The roles before any picture is looked at.

    Raises:
        AdshiftError: as the splits and the data sources do; an image of a finished run's fit is gone.
    """
    recipe = plan.recipe
    told: dict[str, None] = {}
    indices = _in_series(plan, acquire(plan.source, plan.root, plan.categories, plan.folder), plan.root, told)
    refuse_namesake(indices, recipe.test, plan.domain)
    fitted, calibrated, tested = (real_of(d) for d in (recipe.train[0], recipe.calibration[0], recipe.test))
    images = cache(partial(_images, plan, tuple(indices), told))
    split = split_in_domains(images, plan.splitter, fitted, calibrated, tested, plan.regime.name)
    split = replace(split, notes=(*told, *series_notes(split)) if plan.series else ())
    if known is None:
        return split
    there = images(fitted) if isinstance(fitted, Photos) else indices
    place = Path(fitted.root) if isinstance(fitted, Photos) else plan.root / plan.folder
    apart = photos_of(recipe.test) != photos_of(recipe.train[0])
    return _as_it_was(split, there, place, known, calibrated != fitted, apart)


def _in_series(plan: Plan, indices: Sequence[CategoryIndex], root: Path, told: dict[str, None]) -> list[CategoryIndex]:
    """The images with their series; adds to ``told`` what is to be said of these."""
    found = [in_series(index, plan.series, root) for index in indices]
    told |= {line: None for _, said in found for line in said}
    return [index for index, _ in found]


def _images(
    plan: Plan, indices: Sequence[CategoryIndex], told: dict[str, None], real: Real | None
) -> list[CategoryIndex]:
    """The images of a real domain, or of the source's own where there is none."""
    if isinstance(real, Photos):
        return _in_series(plan, index_photographs(Path(real.root), plan.categories), Path(real.root), told)
    named = real if isinstance(real, Named) else None
    return [taken_in(index, named, plan.domain) for index in indices]


def _as_it_was(
    split: Split, there: Sequence[CategoryIndex], place: Path, known: Known, elsewhere: bool, apart: bool
) -> Split:
    """A split with the roles that the run's images had, whatever lies beside them in ``place`` today.

    ``elsewhere``: the calibration images are others than the run's own, as they are of another domain than the fit.
    ``apart``: the test images lie in a folder of their own, where a path names another image than where the fit's lie.
    """
    everything = [sample for index in there for sample in index.samples]
    train = as_they_were(everything, known.seen, "train")
    wanted = [image for image in known.seen if image.role == "train"]
    if len(train) < len(wanted):
        found = {sample.path for sample in train}
        gone = [image.path for image in wanted if image.path not in found]
        raise AdshiftError(
            f"{len(gone)} of the {len(wanted)} images that the run was fitted on are gone, {gone[0]} the first; restore "
            f"them in {place}, or give the folder that holds all of them: data_root=FOLDER"
        )
    if elsewhere:
        return replace(split, train=train)
    calibration = as_they_were(everything, known.seen, "calibration") if known.same_split else split.calibration
    taken: set[Sample] = set() if apart else {*train, *calibration}
    return replace(
        split, train=train, calibration=calibration, test=tuple(sample for sample in split.test if sample not in taken)
    )


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
    born = photos_of(plan.recipe.train[0])
    notes: list[str] = []
    kept: dict[Role, tuple[Sample, ...]] = {}
    for role in ("calibration", "test"):
        domain, samples = plan.recipe.of(role)[0], split.of(role)
        held = datamodule.images(samples, domain).contents if samples else ()
        kept[role] = strangers(samples, held, contents, paths if photos_of(domain) == born else frozenset())
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


def drawn(plan: Plan, split: Split, real: Real | None) -> Split:
    """For ``few``: the k images that calibrate; in a real domain the other ones are tested where nothing else is."""
    if plan.recipe.few is None:
        return split
    if not split.calibration and real is None:
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
    return replace(split, calibration=chosen, test=split.test or (rest if real is not None else ()))
