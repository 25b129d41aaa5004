"""The figures of one cell of the stress test: a change of the images, its severity, a repair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adshift.adaptation.recipe import unadapted
from adshift.adaptation.regime import Regime
from adshift.calibration.calibration import Calibration, Calibrator
from adshift.calibration.pixel_rule import PLAIN, PixelRule
from adshift.calibration.thresholds import Thresholds
from adshift.metrics.bootstrap import pixel_replicates
from adshift.metrics.pixel import PixelRanking
from adshift.metrics.resampling import resample
from adshift.metrics.summary import Figures
from adshift.shift.domain import Domain
from adshift.stress.outlines import pixel_thresholds, regions
from adshift.trials.bench import Bench, Seen
from adshift.trials.figures import IMAGE, Array, image_figures, thresholds, with_intervals

PIXEL = ("pixel_auroc", "pro_030")


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        component: which part of the shift acts; ``clean`` for the images as they are.
        severity: 0 for clean.
        repair: the adaptation regime.
        figures: of the good images and their pasted defects.
        calibrations: one a fold; the threshold that judges a fold rests on the scores of the others.
        recall_by_kind: kind of defect -> (found, of how many).
        regions: what is outlined (``adshift.stages.outlines.realised``), each image by the pixel threshold of its fold.
    """

    component: str
    severity: float
    repair: str
    figures: Figures
    calibrations: tuple[Calibration, ...]
    recall_by_kind: dict[str, tuple[int, int]]
    regions: dict[str, Any] = field(default_factory=dict)

    @property
    def promised(self) -> float | None:
        """The false-alarm rate that its thresholds promise; None where they promise none."""
        return self.calibrations[0].promised_rate


@dataclass
class Measure:
    """Measures cells of one bench; the resamples are the same for all of them.

    A resample draws photographs: a good image and its copy with a defect come together. Models and thresholds are held.
    """

    bench: Bench
    calibrator: Calibrator
    replicates: int
    seed: int
    rule: PixelRule = PLAIN
    _pixel: dict[tuple[Domain, Domain], Thresholds] = field(default_factory=dict)

    def cell(self, component: str, domain: Domain, regime: Regime) -> Cell:
        """The figures of one repair in one domain."""
        bench = self.bench
        recipe = regime.applied(unadapted((bench.home,), domain))
        (train,), (calibration,) = recipe.train, recipe.calibration
        n = len(bench.good)
        tested = bench.seen(train, recipe.test)
        found = thresholds(self.calibrator, bench.seen(train, calibration).score_M[:n], bench.fold_N, bench.group_N)
        threshold_M = np.tile(np.array([c.threshold for c in found])[bench.fold_N], 2)
        figures = self._figures(tested, threshold_M)
        called = tested.score_M[n:] >= threshold_M[n:]
        kinds = np.array([sample.defect for sample in bench.pasted])
        by_kind = {str(k): (int(called[kinds == k].sum()), int((kinds == k).sum())) for k in dict.fromkeys(kinds)}
        severity = 0.0 if domain == bench.home else domain.severity
        drawn = regions(bench, tested, self._pixel_thresholds(train, calibration))
        return Cell(component, severity, regime.name, figures, found, by_kind, drawn)

    def leave(self, domain: Domain) -> None:
        """Forget what a domain took, unless it is home."""
        self.bench.leave(domain)
        if domain != self.bench.home:
            self._pixel = {pair: made for pair, made in self._pixel.items() if domain not in pair}

    def _pixel_thresholds(self, train: Domain, calibration: Domain) -> Thresholds:
        if (train, calibration) not in self._pixel:
            seen = self.bench.seen(train, calibration)
            self._pixel[train, calibration] = pixel_thresholds(self.calibrator, self.rule, self.bench, seen)
        return self._pixel[train, calibration]

    def _figures(self, seen: Seen, threshold_M: Array) -> Figures:
        n = len(seen.score_M) // 2
        label_M = np.repeat([0, 1], n)
        counts_BN = resample(np.zeros(n, np.int64), self.replicates, self.seed)
        counts_BM = np.tile(counts_BN, 2)
        values, drawn = image_figures(seen.score_M, label_M, threshold_M, counts_BM)
        ranking = PixelRanking.from_maps(seen.maps, seen.masks)
        values |= {"pixel_auroc": ranking.auroc(), "pro_030": ranking.pro(0.3)}
        drawn |= pixel_replicates(seen.maps, seen.masks, counts_BM, None, ranking)
        return with_intervals(values, drawn, (*IMAGE, *PIXEL), label_M, f"{n}:{self.replicates}:{self.seed}")


def find(cells: Sequence[Cell], component: str, severity: float, repair: str) -> Cell | None:
    """The cell of that kind; None where it was not asked for."""
    wanted = (component, severity, repair)
    return next((cell for cell in cells if (cell.component, cell.severity, cell.repair) == wanted), None)
