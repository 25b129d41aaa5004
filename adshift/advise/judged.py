"""The figures of each repair, on pasted defects and on real ones, and which of them is worth it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from adshift.advise.trial import Trial
from adshift.data.prepared import PreparedImages
from adshift.methods.finite import all_finite
from adshift.metrics.resampling import Difference, resample
from adshift.metrics.summary import Figures
from adshift.repairs.worth import Candidate, Choice, choose
from adshift.trials.figures import IMAGE, breaks_its_promise, difference, image_figures, with_intervals

ENOUGH_DEFECTS = 10
"""Real defects from which they decide, and not pasted ones."""


@dataclass(frozen=True)
class Judged:
    """One repair with its figures.

    Attributes:
        trial: what was done.
        pasted: on the photographs and their copies with a pasted defect, each decided without itself.
        real: on the folder's own test images, decided by the repair with all photographs (good ones that calibrate stand
            in, each decided without itself, where the folder has no good ones to test on); None without a defect there.
    """

    trial: Trial
    pasted: Figures
    real: Figures | None


@dataclass(frozen=True)
class Verdict:
    """Which repair is worth it.

    Attributes:
        on_real: whether real defects decided, or pasted ones.
        choice: by the rule of ``adshift.repairs.worth``.
        broken: whether the run as it is is shown to break its promise; None where it promises nothing.
        gains: repair -> balanced accuracy, repaired - as it is.
    """

    on_real: bool
    choice: Choice
    broken: bool | None
    gains: Mapping[str, Difference]


def judged(
    trials: Sequence[Trial],
    tests: PreparedImages | None,
    batch_size: int,
    device: torch.device,
    bootstrap: int,
    seed: int,
) -> tuple[Judged, ...]:
    """The figures of every trial; all of them share their resamples.

    Args:
        trials: of one bench.
        tests: the folder's own test images; None where it has none.
        batch_size: images that go through the backbone together.
        device: where the models run.
        bootstrap, seed: of the intervals.
    """
    scored = (
        None if tests is None or not any(s.label for s in tests.samples) else _scores(trials, tests, batch_size, device)
    )
    labels = np.zeros(0, np.int64) if tests is None else np.array([s.label for s in tests.samples], np.int64)
    return tuple(
        Judged(t, _pasted(t, bootstrap, seed), None if scored is None else _real(t, scored[i], labels, bootstrap, seed))
        for i, t in enumerate(trials)
    )


@torch.no_grad()
def _scores(
    trials: Sequence[Trial], tests: PreparedImages, batch_size: int, device: torch.device
) -> list[NDArray[np.float64]]:
    """The test images' scores by the model of every trial; the backbone, which all share, sees each image once."""
    parts: list[list[NDArray[np.float64]]] = [[] for _ in trials]
    for batch in tests.loader(batch_size):
        embedding = trials[0].model.embed(batch.images.to(device))
        size = (batch.images.shape[-2], batch.images.shape[-1])
        for found, trial in zip(parts, trials, strict=True):
            found.append(all_finite(trial.model.score(embedding, size)).image_score_B.double().cpu().numpy())
    return [np.concatenate(found) for found in parts]


def _pasted(trial: Trial, bootstrap: int, seed: int) -> Figures:
    n = len(trial.score_M) // 2
    label_M = np.repeat([0, 1], n)
    counts_BM = np.tile(resample(np.zeros(n, np.int64), bootstrap, seed), 2)
    values, drawn = image_figures(trial.score_M, label_M, trial.threshold_M, counts_BM)
    return with_intervals(values, drawn, IMAGE, label_M, f"pasted:{n}:{bootstrap}:{seed}")


def _real(trial: Trial, score_T: NDArray[np.float64], label_T: NDArray[np.int64], bootstrap: int, seed: int) -> Figures:
    decides_T = np.full(len(score_T), trial.calibration.threshold)
    if not (label_T == 0).any():
        n = len(trial.score_M) // 2
        score_T, decides_T = np.append(trial.score_M[:n], score_T), np.append(trial.threshold_M[:n], decides_T)
        label_T = np.append(np.zeros(n, np.int64), label_T)
    values, drawn = image_figures(score_T, label_T, decides_T, resample(label_T, bootstrap, seed))
    return with_intervals(values, drawn, IMAGE, label_T, f"real:{len(label_T)}:{bootstrap}:{seed}")


def verdict(found: Sequence[Judged], photographs: int, defects: int) -> Verdict:
    """Which repair is worth it: on real defects where there are ``ENOUGH_DEFECTS``, else on pasted ones.

    All repairs take the same photographs, which are there; what sets their costs apart is time, and their order.

    Args:
        found: the run as it is first, then the repairs from the cheapest to the dearest.
        photographs: how many good ones they take.
        defects: how many real ones were tested.
    """
    on_real = defects >= ENOUGH_DEFECTS and found[0].real is not None
    figures = {one.trial.repair: one.real if on_real and one.real is not None else one.pasted for one in found}
    promised = {
        one.trial.repair: one.trial.calibration.promised_rate if on_real else one.trial.promised for one in found
    }
    none, repairs = figures["none"], [one.trial for one in found[1:]]
    gains = {t.repair: difference(figures[t.repair], none) for t in repairs}
    broken = {name: breaks_its_promise(figures[name], promised[name]) for name in figures}
    choice = choose(
        [Candidate(t.repair, photographs, t.seconds, gains[t.repair], broken[t.repair]) for t in repairs],
        lambda a, b: difference(figures[a], figures[b]),
        None,
        broken["none"],
    )
    return Verdict(on_real, choice, broken["none"], gains)
