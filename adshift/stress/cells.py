"""The figures of one cell of the stress test: a change of the images, its severity, a repair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adshift.adaptation.recipe import unadapted
from adshift.adaptation.regime import Regime
from adshift.calibration.binomial import binomial_interval
from adshift.calibration.calibration import Calibration, Calibrator
from adshift.metrics.bootstrap import image_replicates, pixel_replicates
from adshift.metrics.decision import decision_metrics
from adshift.metrics.pixel import PixelRanking
from adshift.metrics.ranking import auroc
from adshift.metrics.resampling import percentile_interval, resample
from adshift.metrics.summary import Figures, Value
from adshift.shift.domain import Domain
from adshift.stress.bench import Bench, Seen

RIGHT = "balanced_accuracy"
"""(recall + 1 - false-alarm rate) / 2: what share is judged right if good and defective parts count alike."""
IMAGE = ("false_alarm_rate", "recall", RIGHT, "image_auroc")
PIXEL = ("pixel_auroc", "pro_030")

Array = NDArray[np.float64]


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
    """

    component: str
    severity: float
    repair: str
    figures: Figures
    calibrations: tuple[Calibration, ...]
    recall_by_kind: dict[str, tuple[int, int]]


def thresholds(calibrator: Calibrator, score_N: Array, fold_N: NDArray[np.int64]) -> tuple[Calibration, ...]:
    """For each fold the calibration on the good images of the other folds: no image takes part in its own threshold."""
    return tuple(
        calibrator.calibrate(score_N[fold_N != fold], np.zeros(int((fold_N != fold).sum()), np.int64))
        for fold in range(int(fold_N.max()) + 1)
    )


@dataclass
class Measure:
    """Measures cells of one bench; the resamples are the same for all of them.

    A resample draws photographs: a good image and its copy with a defect come together. Models and thresholds are held.
    """

    bench: Bench
    calibrator: Calibrator
    replicates: int
    seed: int

    def cell(self, component: str, domain: Domain, regime: Regime) -> Cell:
        """The figures of one repair in one domain."""
        bench = self.bench
        recipe = regime.applied(unadapted((bench.home,), domain))
        (train,), (calibration,) = recipe.train, recipe.calibration
        n = len(bench.good)
        tested = bench.seen(train, recipe.test)
        found = thresholds(self.calibrator, bench.seen(train, calibration).score_M[:n], bench.fold_N)
        threshold_M = np.tile(np.array([c.threshold for c in found])[bench.fold_N], 2)
        figures = self._figures(tested, threshold_M)
        called = tested.score_M[n:] >= threshold_M[n:]
        kinds = np.array([sample.defect for sample in bench.pasted])
        by_kind = {str(k): (int(called[kinds == k].sum()), int((kinds == k).sum())) for k in dict.fromkeys(kinds)}
        severity = 0.0 if domain.is_identity else domain.severity
        return Cell(component, severity, regime.name, figures, found, by_kind)

    def _figures(self, seen: Seen, threshold_M: Array) -> Figures:
        n = len(seen.score_M) // 2
        label_M = np.repeat([0, 1], n)
        counts_BN = resample(np.zeros(n, np.int64), self.replicates, self.seed)
        counts_BM = np.tile(counts_BN, 2)
        values: dict[str, Value] = {**decision_metrics(seen.score_M, label_M, threshold_M)}
        values["image_auroc"] = auroc(seen.score_M, label_M)
        drawn = image_replicates(seen.score_M, label_M, counts_BM, threshold_M)
        ranking = PixelRanking.from_maps(seen.maps, seen.masks)
        values |= {"pixel_auroc": ranking.auroc(), "pro_030": ranking.pro(0.3)}
        drawn |= pixel_replicates(seen.maps, seen.masks, counts_BM, None, ranking)
        recall, alarms = values["recall"], values["false_alarm_rate"]
        assert isinstance(recall, float)
        assert isinstance(alarms, float)
        values[RIGHT] = (recall + 1 - alarms) / 2
        drawn[RIGHT] = (drawn["recall"] + 1 - drawn["false_alarm_rate"]) / 2
        kept: dict[str, Value] = {}
        for name in (*IMAGE, *PIXEL):
            interval = percentile_interval(drawn[name])
            kept |= {name: values[name], f"{name}_ci": None if interval is None else list(interval)}
        for name, rate in (("recall", recall), ("false_alarm_rate", alarms)):
            kept[f"{name}_exact_ci"] = list(binomial_interval(round(rate * n), n))
        return Figures(kept, [], {name: drawn[name] for name in (*IMAGE, *PIXEL)}, f"{n}:{self.replicates}:{self.seed}")


def find(cells: Sequence[Cell], component: str, severity: float, repair: str) -> Cell | None:
    """The cell of that kind; None where it was not asked for."""
    wanted = (component, severity, repair)
    return next((cell for cell in cells if (cell.component, cell.severity, cell.repair) == wanted), None)
