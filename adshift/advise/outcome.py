"""What an advice leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adshift.advise.judged import Judged, Verdict
from adshift.advise.plan import AdvisePlan
from adshift.appearance.changes import Change
from adshift.calibration.scores import smallest_n
from adshift.data.samples import Sample
from adshift.trials.bench import Bench

NOTHING, UNCLEAR, TOO_FEW = "nothing", "unclear", "too few photographs"


@dataclass(frozen=True)
class Outcome:
    """An advice that has been given.

    Attributes:
        chosen: its resolved configuration.
        plan: what was asked for.
        category: what the photographs show.
        fitted_on: how many images the run was fitted on.
        photographs: how many good ones there are beside those to test on.
        defects: how many real ones were tested.
        train: train images that the photographs are compared with, and where they lie.
        train_root, root: where those and the photographs lie.
        bench: the photographs that took part in the judgement; None where they are too few for one.
        found: the run as it is, then the repairs; empty without a judgement.
        verdict: None without a judgement.
        changed: the looks of the photographs against those of the train images.
        alpha: the false-alarm rate that a new threshold is asked for; None where its rule asks for none.
        repaired: the folder of the repaired run; None where there is none.
        notes: what should be known, a line each.
        seconds: wall time.
    """

    chosen: dict[str, Any]
    plan: AdvisePlan
    category: str
    fitted_on: int
    photographs: int
    defects: int
    train: tuple[Sample, ...]
    train_root: Path
    root: Path
    bench: Bench | None
    found: tuple[Judged, ...]
    verdict: Verdict | None
    changed: tuple[Change, ...]
    alpha: float | None
    repaired: Path | None
    notes: tuple[str, ...]
    seconds: float

    @property
    def enough(self) -> int:
        """Photographs from which a new threshold can promise what it is asked for."""
        return 20 if self.alpha is None else smallest_n(self.alpha) - 1

    @property
    def advice(self) -> str:
        """The repair to take, ``NOTHING``, ``UNCLEAR`` or ``TOO_FEW``."""
        if self.verdict is None:
            return TOO_FEW
        if self.verdict.choice.taken is not None:
            return self.verdict.choice.taken.name
        if self.photographs < self.enough:
            return TOO_FEW
        return UNCLEAR if self.verdict.broken or self.verdict.broken is None else NOTHING
