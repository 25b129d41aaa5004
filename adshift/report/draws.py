"""One setting over several draws of the shift: its cells by category and domain seed, and their mean figures."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from adshift.calibration.binomial import binomial_interval
from adshift.metrics.summary import Figures, Value, macro
from adshift.report.cells import Cell
from adshift.report.study import MEAN, Series, Study, paired
from adshift.report.tables import at
from adshift.shift.names import CLEAN

EXACT = "false_alarm_rate_exact_ci"


@dataclass(frozen=True)
class Draws:
    """The cells of one setting: category -> domain seed -> cell."""

    cells: dict[str, dict[int, Cell]]

    @cached_property
    def groups(self) -> dict[str, Figures]:
        """The mean figures over the draws by category, and over the categories under ``mean`` where there are several.

        All draws show the same test images, each image with a shift of its own in each draw. A replicate is the mean
        over the draws of one resample of the images: an image is taken or left with all its draws and counts once.
        """
        found = {category: _over_draws(category, by_seed) for category, by_seed in self.cells.items()}
        return found | ({MEAN: _with_exact(macro(found), _mean_ends(found))} if len(found) > 1 else {})

    def __bool__(self) -> bool:
        return bool(self.cells)

    @property
    def counted(self) -> str:
        """How many draws: ``5``, or ``1 to 5`` where the categories differ in it."""
        numbers = [len(by_seed) for by_seed in self.cells.values()]
        return f"{min(numbers)}" if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"

    def of(self, group: str) -> Draws:
        """The cells behind a group: those of a category, or all for the mean."""
        return self if group == MEAN else Draws({group: self.cells[group]})

    def cost(self, name: str) -> float | None:
        """A number of result.json's ``adaptation`` a category, median over the draws, mean over the categories.

        None where a run does not tell it.
        """
        found = [
            [at(cell.run.result, "adaptation", name) for cell in by_seed.values()] for by_seed in self.cells.values()
        ]
        if not found or not all(isinstance(value, int | float) for values in found for value in values):
            return None
        return statistics.fmean(statistics.median(values) for values in found)

    def promised(self) -> float | None:
        """The false-alarm rate that the thresholds promise, its mean; None where one promises nothing."""
        found = []
        for category, by_seed in self.cells.items():
            for cell in by_seed.values():
                own = cell.run.result["threshold"]
                found.append(own.get(category, own.get("global", {})).get("promised_rate"))
        return statistics.fmean(found) if found and all(isinstance(p, int | float) for p in found) else None


def _over_draws(category: str, by_seed: dict[int, Cell]) -> Figures:
    figures = [cell.figures[category] for cell in by_seed.values()]
    mean = macro({str(seed): each for seed, each in zip(by_seed, figures, strict=True)})
    exact = figures[0].values.get(EXACT) if len(figures) == 1 else _exact(category, by_seed, mean)
    return _with_exact(mean, exact)


def _with_exact(figures: Figures, exact: Value) -> Figures:
    if not isinstance(exact, list):
        return figures
    return Figures(figures.values | {EXACT: exact}, figures.warnings, figures.replicates, figures.images)


def _mean_ends(categories: Mapping[str, Figures]) -> list[float] | None:
    """The mean of the ends of the categories' exact intervals, which is wider than an interval of their mean must be.

    The bootstrap has nothing to say of it: a category whose few normals all pass, or all fail, has no spread.
    """
    ends = [bounds for figures in categories.values() if isinstance(bounds := figures.values.get(EXACT), list)]
    if len(ends) < len(categories):
        return None
    return [statistics.fmean(low for low, _ in ends), statistics.fmean(high for _, high in ends)]


def _exact(category: str, by_seed: dict[int, Cell], mean: Figures) -> list[float] | None:
    """The exact interval of a mean rate, as if further draws of the same images told nothing: wider than needed.

    A mean count between two whole numbers takes the lower end of the lower one and the upper end of the higher one.
    """
    rate = mean.point("false_alarm_rate")
    counted = {at(cell.run.result, "counts", category, "test_normal") for cell in by_seed.values()}
    normals = counted.pop() if len(counted) == 1 else None
    if rate is None or not isinstance(normals, int) or normals < 1:
        return None
    alarms = round(rate * normals, 6)
    return [binomial_interval(math.floor(alarms), normals)[0], binomial_interval(math.ceil(alarms), normals)[1]]


def gather(study: Study, detector: str, domain: str, severity: float, regime: str, threshold: str) -> Draws:
    """A regime under every domain seed that it was run with; one draw, seed 0, on the clean domain."""
    chosen = study.select(detector=detector, domain=domain, severity=severity, adaptation=regime, unified=False)
    cells: dict[str, dict[int, Cell]] = {}
    for seed in sorted({cell.domain_seed for cell in chosen}):
        series = study.series(detector, domain, regime, domain_seed=seed, severity=severity, threshold=threshold)
        for category, cell in series.cells.items():
            cells.setdefault(category, {})[seed] = cell
    return Draws({c: cells[c] for c in study.categories if c in cells})


def spread(clean: Draws, over: Draws) -> Draws:
    """Clean cells, which no draw touches, under each of the domain seeds of others."""
    return Draws({
        c: {seed: next(iter(clean.cells[c].values())) for seed in by_seed}
        for c, by_seed in over.cells.items() if c in clean.cells
    })  # fmt: skip


def paired_draws(*draws: Draws) -> list[Draws]:
    """The same draws of the same categories on the same test images, resampled alike; empty ones where none."""
    kept = [
        (category, seed)
        for category, by_seed in draws[0].cells.items()
        for seed in by_seed
        if all(seed in other.cells.get(category, {}) for other in draws[1:])
        and all(paired(*(Series({category: each.cells[category][seed]}) for each in draws)))
    ]
    return [_only(each, kept) for each in draws]


def _only(draws: Draws, kept: Sequence[tuple[str, int]]) -> Draws:
    return Draws({
        c: {seed: cell for seed, cell in by_seed.items() if (c, seed) in kept}
        for c, by_seed in draws.cells.items() if any(c == category for category, _ in kept)
    })  # fmt: skip


def regimes_of(study: Study, detector: str, domain: str, severity: float, threshold: str) -> dict[str, Draws]:
    """Each regime under a domain at one severity with its draws, in the study's order; those that there are."""
    found = {regime: gather(study, detector, domain, severity, regime, threshold) for regime in study.regimes}
    return {regime: draws for regime, draws in found.items() if draws}


def clean_of(study: Study, detector: str, threshold: str) -> dict[str, Draws]:
    """What each regime makes of the clean domain; the plain model is ``none``."""
    return regimes_of(study, detector, CLEAN, 0.0, threshold)
