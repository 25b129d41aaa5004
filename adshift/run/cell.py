"""One cell of the grid in work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adshift.config.plan import Plan
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.splits import Split
from adshift.methods.module import AnomalyModule


@dataclass
class Cell:
    """One cell with its data at hand and its method built, before or after the fit."""

    plan: Plan
    split: Split
    datamodule: AnomalyDataModule
    module: AnomalyModule
    trainer: Any
    started: float
    notes: list[str]
