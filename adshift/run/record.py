"""The parts of result.json beside the figures: where they come from, and what they took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from adshift.calibration.thresholds import Thresholds
from adshift.data.images import normalise
from adshift.data.samples import digest
from adshift.methods.method import MemoryBank
from adshift.results.files import BASE, CHECKPOINT
from adshift.run.cell import Cell
from adshift.stages.latency import latency_ms
from adshift.stages.scored import ScoredImages
from adshift.stages.unified import cross_threshold, foreign_matches
from adshift.system.hashes import file_sha256
from adshift.system.provenance import device_name, git_commit, package_versions

SEARCH_IMAGES = 16


def unified(cell: Cell, scored: dict[str, ScoredImages], thresholds: Thresholds) -> dict[str, Any]:
    categories = cell.plan.categories
    fitted_on = cell.split.train * len(cell.plan.recipe.train)
    found: dict[str, Any] = {"foreign_matches": foreign_matches(scored["test"], fitted_on, categories)}
    if set(thresholds.image) == set(categories):
        found["cross_threshold"] = {
            "held_out": cross_threshold(scored["test"], thresholds, categories),
            "train": cross_threshold(scored["train"], thresholds, categories),
        }
    return found


def brief(calibration: Any) -> dict[str, Any]:
    return {
        "kind": calibration.kind,
        "value": calibration.threshold,
        "promised_rate": calibration.promised_rate,
        "n": calibration.n,
    }


def calibration_warnings(thresholds: Thresholds) -> list[str]:
    """What there is to know of the thresholds; what holds for a category's image and pixel threshold is said once."""
    found: dict[tuple[str, str], list[str]] = {}
    for what, group in (("image", thresholds.image), ("pixel", thresholds.pixel)):
        for name, calibration in group.items():
            for warning in calibration.warnings:
                found.setdefault((name, warning), []).append(f"{what} threshold")
    return [f"{name}, {' and '.join(whats)}: {warning}" for (name, warning), whats in found.items()]


def latency(cell: Cell) -> dict[str, float] | None:
    """Milliseconds an image, in all of its views, by batch size; None where it is not wanted."""
    if not cell.plan.latency:
        return None
    split, recipe = cell.split, cell.plan.recipe
    samples, domain = (split.test, recipe.test) if split.test else (split.train[:1], recipe.train[0])
    image = normalise(cell.datamodule.images(samples, domain).image_NSS3[0])
    of_view = latency_ms(cell.datamodule.store, cell.module, image, cell.trainer.strategy.root_device)
    return {batch: cell.plan.recipe.passes * ms for batch, ms in of_view.items()}


def checkpoints(folder: Path) -> dict[str, str | None]:
    """The hashes of the run's own model (None for an evaluation, which has none) and of what a repair started from."""
    found = {"checkpoint_sha256": folder / CHECKPOINT, "base_sha256": folder / BASE}
    return {name: file_sha256(path) if path.is_file() else None for name, path in found.items()}


def search(cell: Cell, bank: MemoryBank) -> dict[str, Any]:
    """How neighbours are found, and what that loses on some test images, spread over the role."""
    found: dict[str, Any] = {"backend": bank.backend, "exact": bank.searches_exactly}
    if found["exact"] or not cell.split.test:
        return found
    images_NSS3 = cell.datamodule.images(cell.split.test, cell.plan.recipe.test).image_NSS3
    chosen = images_NSS3[:: -(-len(images_NSS3) // SEARCH_IMAGES)]
    device = cell.trainer.strategy.root_device
    cell.module.to(device)
    images_B3SS = torch.stack([normalise(image) for image in chosen]).to(device)
    return found | bank.search_report(cell.module.method.embed(images_B3SS).flatten(0, 2))


def provenance(cell: Cell) -> dict[str, Any]:
    split = cell.split
    return {
        "git_commit": git_commit(),
        "packages": package_versions(),
        "device": device_name(cell.trainer.strategy.root_device),
        "weights": cell.plan.model.weights,
        "weights_sha256": cell.module.method.weights_sha256,
        "samples_sha256": digest((*split.train, *split.calibration, *split.test)),
        "seeds": {"seed": cell.plan.seed, "domain": cell.plan.recipe.test.seed},
    }
