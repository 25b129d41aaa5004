"""What a stress test leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adshift.calibration.calibration import Calibrator
from adshift.stress.cells import Cell
from adshift.stress.plan import StressPlan
from adshift.stress.verdicts import Verdict
from adshift.trials.bench import Bench


@dataclass(frozen=True)
class Outcome:
    """A stress test that has been done.

    Attributes:
        chosen: its resolved configuration.
        config: that of the run whose settings were tested.
        plan: what was asked for.
        bench: the images.
        calibrator: what made the thresholds.
        cells: all figures; the first is that of the images as they are.
        verdicts: one a change.
        notes: what should be known, a line each.
        seconds: wall time.
    """

    chosen: dict[str, Any]
    config: dict[str, Any]
    root: Path
    plan: StressPlan
    bench: Bench
    calibrator: Calibrator
    cells: tuple[Cell, ...]
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def category(self) -> str:
        """What the images show: their folder's name."""
        return self.bench.good[0].category
