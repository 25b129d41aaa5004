"""The repairs on trial: each one's scores and thresholds on photographs that it has not seen, and what is deployed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adshift.adaptation.few_images import FewImages, drawn_places
from adshift.calibration.calibration import Calibration, Calibrator
from adshift.calibration.crossfit import crossfit_calibration
from adshift.methods.alignment import Moments
from adshift.methods.method import Method
from adshift.shift.domain import Domain
from adshift.stages.repair import Pictures, repair_method
from adshift.trials.bench import Bench, copy_of, fitted_copy
from adshift.trials.figures import thresholds

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """One repair.

    Attributes:
        repair: ``none``, ``threshold``, ``few`` or ``full``.
        score_M: of N photographs and then of their copies with a defect, each by a repair without that photograph.
        threshold_M: what decides on each, made without it too.
        promised: the false-alarm rate that these thresholds promise, the largest; None where they promise none.
        model, calibration: the repair with all photographs, as it would be deployed.
        seconds: what making that took.
        kept: whether ``few`` left the model as it is, as the photographs show no gain from an extension.
    """

    repair: str
    score_M: Array
    threshold_M: Array
    promised: float | None
    model: Method
    calibration: Calibration
    seconds: float
    kept: bool = False


@dataclass
class Trials:
    """Puts the repairs of one finished run on trial.

    Attributes:
        bench: the photographs in ``target``; the finished model is adopted as that of ``source``.
        source, target: the domains.
        model: the finished model.
        own: its threshold.
        calibrator: the rule for new thresholds; it lives on good images alone.
        few: how ``few`` repairs.
        moments: makes the moments of the train embeddings, which a bank may be aligned by; called where that is tried.
        first: how many images the model was fitted on.
    """

    bench: Bench
    source: Domain
    target: Domain
    model: Method
    own: Calibration
    calibrator: Calibrator
    few: FewImages
    moments: Callable[[], Moments]
    first: int
    _made: dict[str, Callable[[], Trial]] = field(init=False)

    def __post_init__(self) -> None:
        self.bench.adopt(self.source, self.model)
        self._made = {"none": self._none, "threshold": self._threshold, "few": self._few, "full": self._full}

    def trial(self, repair: str) -> Trial:
        """One of the repairs."""
        return self._made[repair]()

    @property
    def _n(self) -> int:
        return len(self.bench.good)

    def _none(self) -> Trial:
        score_M = self.bench.seen(self.source, self.target).score_M
        decides_M = np.full(len(score_M), self.own.threshold)
        return Trial("none", score_M, decides_M, self.own.promised_rate, self.model, self.own, 0.0)

    def _threshold(self) -> Trial:
        score_M = self.bench.seen(self.source, self.target).score_M
        started = time.perf_counter()
        final = self.calibrator.calibrate(score_M[: self._n], np.zeros(self._n, np.int64), self.bench.group_N)
        seconds = time.perf_counter() - started
        made = thresholds(self.calibrator, score_M[: self._n], self.bench.fold_N, self.bench.group_N)
        return self._trial("threshold", score_M, made, self.model, final, seconds)

    def _full(self) -> Trial:
        score_M = self.bench.seen(self.target, self.target).score_M
        made = thresholds(self.calibrator, score_M[: self._n], self.bench.fold_N, self.bench.group_N)
        started = time.perf_counter()
        with torch.no_grad():
            model = fitted_copy(self.model, self.bench.embedding(self.target)[0][: self._n].to(self.bench.device))
        seconds = time.perf_counter() - started
        final = crossfit_calibration(self.calibrator, score_M[: self._n], len(made), self.bench.group_N)
        return self._trial("full", score_M, made, model, final, seconds)

    def _few(self) -> Trial:
        models, made = [], []
        for fold in range(int(self.bench.fold_N.max()) + 1):
            model, calibration, _ = self._extended(np.flatnonzero(self.bench.fold_N != fold))
            models.append(model)
            made.append(calibration)
        score_M = self.bench.score(models, self.target).score_M
        started = time.perf_counter()
        model, final, kept = self._extended(np.arange(self._n))
        return self._trial("few", score_M, tuple(made), model, final, time.perf_counter() - started, kept)

    def _extended(self, pool: NDArray[np.int64]) -> tuple[Method, Calibration, bool]:
        """The finished model extended by k photographs out of a pool where these show a gain, the threshold of their
        left-out scores, and whether the model was kept as it is."""
        chosen = sorted(drawn_places(pool.tolist(), self.bench.group_N, self.few))
        group_K = np.unique(self.bench.group_N[chosen], return_inverse=True)[1].astype(np.int64)
        samples = [self.bench.good[i] for i in chosen]
        model = copy_of(self.model).to(torch.device("cpu"))
        bank = model.bank is not None

        def views(copies: int) -> Tensor:
            target, *others = self.few.views(self.target, copies, bank)
            own = self.bench.embedding(target)[0][chosen]
            return torch.stack([own, *(self.bench.embedded(samples, view) for view in others)])

        def pasted() -> Tensor:
            return torch.stack([self.bench.embedded(images, self.target) for images in self.few.pasted(samples)])

        pictures = Pictures(group_K, cache(views), pasted, self.moments)
        found = repair_method(model, self.few, pictures, self.first, self.bench.image_size)
        left_out = np.array([float(one.image_score_B[0]) for one in found.scores])
        model.eval().to(self.bench.device)
        series = int(group_K.max()) + 1
        if series == 1 or found.way is None:
            final = self.calibrator.calibrate(left_out, np.zeros(len(left_out), np.int64), group_K)
        else:
            final = crossfit_calibration(self.calibrator, left_out, series, group_K)
        return model, final, found.way is None

    def _trial(
        self,
        repair: str,
        score_M: Array,
        made: tuple[Calibration, ...],
        model: Method,
        final: Calibration,
        seconds: float,
        kept: bool = False,
    ) -> Trial:
        decides_M = np.tile(np.array([c.threshold for c in made])[self.bench.fold_N], 2)
        rates = [c.promised_rate for c in made if c.promised_rate is not None]
        promised = max(rates) if len(rates) == len(made) else None
        return Trial(repair, score_M, decides_M, promised, model, final, seconds, kept)
