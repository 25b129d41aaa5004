"""The scores of a cell's roles, after the repair where its recipe asks for one."""

from __future__ import annotations

from pathlib import Path

import torch

from adshift.results.checkpoint import base_checkpoint, save_repaired
from adshift.results.files import CHECKPOINT
from adshift.run.cell import Cell
from adshift.stages.matching import Matching, fitted_matching
from adshift.stages.repair import Repair, repair
from adshift.stages.score_checks import require_finite
from adshift.stages.scored import ScoredImages, joined
from adshift.stages.scoring import score_images


def _score(cell: Cell, role: str, matching: Matching | None) -> ScoredImages:
    samples = cell.split.of(role)  # type: ignore[arg-type]
    if not samples:
        return ScoredImages((), torch.empty(0).double().numpy(), [], [], None)
    domains, augmentation = cell.plan.recipe.of(role), cell.plan.recipe.augmentation  # type: ignore[arg-type]
    return joined(
        [score_images(cell.trainer, cell.module, cell.datamodule, samples, d, matching, augmentation) for d in domains]
    )


def score_roles(cell: Cell, folder: Path, timing: dict[str, float]) -> tuple[dict[str, ScoredImages], Repair | None]:
    """The scores of every role that counts, after the repair where the recipe asks for one; adds to ``timing``."""
    scored, repaired = {}, None
    if cell.plan.recipe.few is not None:
        repaired = repair(cell.trainer, cell.module, cell.datamodule, cell.plan.recipe)
        save_repaired(cell.module, base_checkpoint(cell.plan.home or folder), folder / CHECKPOINT)
        require_finite(repaired.scored)
        scored["calibration"], timing["repair"] = repaired.scored, repaired.seconds
    roles = (("train",) if len(cell.plan.categories) > 1 else ()) + ("calibration", "test")
    roles += ("uncertain",) if cell.split.uncertain else ()
    matching = fitted_matching(cell.plan.recipe.test_time, cell.trainer, cell.module, cell.datamodule)
    scored = {role: scored[role] if role in scored else _score(cell, role, matching) for role in roles}
    timing["score"] = sum(images.seconds for images in scored.values())
    timing["views"] = scored["calibration"].view_seconds + scored["test"].view_seconds
    return scored, repaired
