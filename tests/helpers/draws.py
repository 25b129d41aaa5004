"""Every kind of draw that a figure rests on, as text: what promises/draws.txt holds.

Numbers are rounded to 12 digits: the last ones belong to the machine's logarithm and exponential.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from adshift.calibration.crossfit import folds
from adshift.data.samples import CategoryIndex, Sample
from adshift.data.splits import StandardSplit, StudySplit
from adshift.features.backbone import FrozenBackbone
from adshift.methods.coreset.greedy import greedy_coreset
from adshift.methods.padim import PaDiM
from adshift.metrics.resampling import resample
from adshift.shift.by_name import named_domain


def _samples(defect: str, count: int) -> tuple[Sample, ...]:
    return tuple(Sample(f"{defect}/{i:03}", "carpet", defect) for i in range(count))


def _shown(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _line(name: str, values: Sequence[Any]) -> str:
    return f"{name}: {' '.join(map(_shown, values))}"


def splits() -> Iterator[str]:
    """Who is held out of 20 normals, and which of 10 anomalies calibrate."""
    index = CategoryIndex("carpet", _samples("good", 20), (), _samples("hole", 10))
    for splitter in (StudySplit(), StudySplit(seed=3), StandardSplit(), StandardSplit(seed=1)):
        yield _line(f"calibration of {splitter}", [sample.path for sample in splitter(index).calibration])


def shifts() -> Iterator[str]:
    """All parameters of some images."""
    for name, severity, seed in (("shift", 1.0, 0), ("shift", 0.5, 1), ("photometric", 2.0, 7)):
        for path in ("carpet/train/good/000.png", "carpet/test/hole/ünï 1.png"):
            drawn = asdict(named_domain(name, severity, seed).parameters("carpet", path))
            yield _line(f"{name} {severity} {seed} {path}", [f"{key}={_shown(value)}" for key, value in drawn.items()])


def indices() -> Iterator[str]:
    """Coreset picks among whole numbers (their distances are exact), PaDiM's channels, folds and resamples."""
    points = torch.from_numpy(np.random.default_rng(0).integers(-50, 50, (500, 8))).float()
    for seed in (0, 1):
        picks = greedy_coreset(points, 12, generator=torch.Generator().manual_seed(seed), projection_dim=None)
        yield _line(f"coreset {seed}", picks.indices_M.tolist())
        projected = greedy_coreset(points, 1, generator=torch.Generator().manual_seed(seed), projection_dim=4)
        yield _line(f"first pick behind a projection {seed}", projected.indices_M.tolist())
        yield _line(f"folds {seed}", folds(13, 5, seed).tolist())
        yield _line(f"resample {seed}", resample(np.array([0] * 8 + [1] * 5), 2, seed, "carpet").ravel().tolist())
    backbone = FrozenBackbone("resnet18", ("layer1", "layer2", "layer3"), "random", seed=0)
    for seed in (0, 5):
        yield _line(f"padim channels {seed}", PaDiM(backbone, 12, seed=seed).model.idx.tolist())


def draws() -> list[str]:
    """A line a draw."""
    return [*splits(), *shifts(), *indices()]


if __name__ == "__main__":
    print("\n".join(draws()))
