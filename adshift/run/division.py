"""Which images play which role in a cell: by its split and domains, without what its model has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from adshift.config.plan import Plan
from adshift.data.acquire import acquire
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.domains import refuse_namesake, taken_in
from adshift.data.photographs import index_photographs
from adshift.data.samples import CategoryIndex, Sample
from adshift.data.seen import Known, as_they_were, contents_of, strangers
from adshift.data.splits import Role, Split
from adshift.data.target_split import split_in_domains
from adshift.errors import AdshiftError
from adshift.shift.named import Named
from adshift.shift.photos import Photos, photos_of
from adshift.shift.real import Real, real_of
from adshift.stages.repair import draw


def divide(plan: Plan, known: Known | None) -> Split:
    """The roles before any picture is looked at.

    Raises:
        AdshiftError: as the splits and the data sources do; an image of a finished run's fit is gone.
    """
    recipe = plan.recipe
    indices = acquire(plan.source, plan.root, plan.categories)
    refuse_namesake(indices, recipe.test, plan.domain)
    fitted, calibrated, tested = (real_of(d) for d in (recipe.train[0], recipe.calibration[0], recipe.test))
    split = split_in_domains(
        partial(_images, plan, indices), plan.splitter, fitted, calibrated, tested, plan.regime.name
    )
    if known is None or isinstance(fitted, Photos):
        return split
    everything = [sample for index in indices for sample in index.samples]
    return _as_it_was(split, everything, known, calibrated != fitted, isinstance(tested, Photos))


def _images(plan: Plan, indices: Sequence[CategoryIndex], real: Real | None) -> list[CategoryIndex]:
    """The images of a real domain, or of the source's own where there is none."""
    if isinstance(real, Photos):
        return index_photographs(Path(real.root), plan.categories)
    named = real if isinstance(real, Named) else None
    return [taken_in(index, named, plan.domain) for index in indices]


def _as_it_was(split: Split, everything: Sequence[Sample], known: Known, elsewhere: bool, apart: bool) -> Split:
    """A split with the roles that the run's images had, whatever lies beside them today.

    ``elsewhere``: the calibration images are others than the run's own, as they are of another domain than the fit.
    ``apart``: the test images lie in a folder of their own, where a path names another image than below the data root.
    """
    train = as_they_were(everything, known.seen, "train")
    wanted = [image for image in known.seen if image.role == "train"]
    if len(train) < len(wanted):
        there = {sample.path for sample in train}
        gone = [image.path for image in wanted if image.path not in there]
        raise AdshiftError(
            f"{len(gone)} of the {len(wanted)} images that the run was fitted on are gone, {gone[0]} the first; restore "
            "them, or say where they lie now: data_root=FOLDER"
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


def drawn(plan: Plan, split: Split, real: Real | None) -> Split:
    """For ``few``: the k images that calibrate; in a real domain the other ones are tested where nothing else is."""
    if plan.recipe.few is None:
        return split
    chosen = draw(plan.recipe.few, split.calibration, plan.categories)
    rest = tuple(s for s in split.calibration if s.label == 0 and s not in chosen)
    return replace(split, calibration=chosen, test=split.test or (rest if real is not None else ()))
