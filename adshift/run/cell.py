"""One cell of the grid in work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adshift.config.plan import Plan
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.seen import Known
from adshift.data.splits import Split
from adshift.methods.module import AnomalyModule


@dataclass
class Cell:
    """One cell with its data at hand and its method built, before or after the fit.

    ``known`` is what a finished run has seen whose model is evaluated; None for a fit.

    ``tests_itself`` says that no photograph is left to test on: those that calibrate are tested, each by a threshold that
    it had no part in.
    """

    plan: Plan
    split: Split
    datamodule: AnomalyDataModule
    module: AnomalyModule
    trainer: Any
    started: float
    notes: list[str]
    tests_itself: bool
    known: Known | None
