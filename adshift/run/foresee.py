"""What can be told of a cell before anything heavy is imported: its images, their roles, and every mistake in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adshift.config.plan import Plan, require_calibratable
from adshift.data.acquire import unread, verify_files
from adshift.data.domains import domain_notes
from adshift.data.own import check_command
from adshift.data.samples import Sample
from adshift.data.seen import Known
from adshift.data.splits import ROLES, Role, Split
from adshift.errors import AdshiftError
from adshift.run.division import divide, drawn
from adshift.shift.photos import root_of
from adshift.shift.real import Real, real_of
from adshift.stages.folds import assign_folds


@dataclass(frozen=True)
class Foreseen:
    """The roles before any picture is looked at, and what should be known of the files, a line each."""

    split: Split
    notes: tuple[str, ...]


def foresee(plan: Plan, known: Known | None = None) -> Foreseen:
    """Bring and divide the images, and check whatever would fail later, as far as names and headers tell.

    Args:
        plan: of the cell.
        known: what a finished run has seen; None for a fit.

    Raises:
        AdshiftError: a mistake in the configuration or in the images.
    """
    plan.tracker.require()  # refuses a logger whose package is missing
    split, real = divide(plan, known), real_of(plan.recipe.test)
    notes = (*split.notes, *domain_notes(split.test), *_verified(plan, split))
    require_roles(plan, split, real)
    require_roles(plan, drawn(plan, split, real), real)
    return Foreseen(split, notes)


def _verified(plan: Plan, split: Split) -> list[str]:
    """What should be known of the files, folder by folder; raises AdshiftError for one that cannot be used."""
    folders: dict[Path, list[Sample]] = {}
    roles: tuple[Role, ...] = (*ROLES, "uncertain")
    for role in roles:
        folders.setdefault(root_of(plan.recipe.of(role)[0], plan.root), []).extend(split.of(role))
    notes = unread(plan.source, plan.root, plan.categories)
    for root, samples in folders.items():
        doctor = check_command(plan.source, root, plan.categories) if root == plan.root else ""
        notes += verify_files(root, samples, doctor, plan.store.hashes)
    return notes


def require_roles(plan: Plan, split: Split, real: Real | None) -> None:
    """Refuse, before the fit, roles that would fail after it."""
    if plan.crossfit and split.calibration:
        raise AdshiftError(
            f"crossfit={plan.crossfit} is for a split without calibration images, and this one has "
            f"{len(split.calibration)}; {_without_calibration(plan, split)}"
        )
    require_calibratable(plan, split.calibration, split.test)
    if plan.crossfit:
        assign_folds(split.train, plan.crossfit, plan.seed)  # refuses more folds than images, before the fit
    if not split.test and real is None and plan.source != "folder":
        raise AdshiftError(
            f"data.root={plan.root} holds no test image; put some into CATEGORY/test/good and test/DEFECT"
        )


def _without_calibration(plan: Plan, split: Split) -> str:
    """The ways out of a cross-fitting beside calibration images."""
    if plan.home is not None:
        return "keep the split of the run"
    given = all(
        sample.part == "train" for sample in split.calibration if not sample.label
    )  # none by the data set itself
    official = given and not plan.calibrator.needs_anomalies and plan.recipe.few is None
    return "use crossfit=0" + (", or split=official" if official else "")
