"""The cells of several runs together: what may be set beside what, and paired comparisons of series of cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from adshift.errors import AdshiftError
from adshift.metrics.balanced import BALANCED, with_balanced_accuracy
from adshift.metrics.comparison import compare, recover
from adshift.metrics.resampling import Difference, Share
from adshift.metrics.summary import FIGURES, Figures, macro
from adshift.report.cells import Cell, to_cells
from adshift.report.runs import REGIMES, Run, regime_order
from adshift.shift.names import CLEAN

MEAN = "mean"


@dataclass(frozen=True)
class Series:
    """One setting over categories, each with the cell that holds it (for a unified model the same cell)."""

    cells: dict[str, Cell]

    @cached_property
    def groups(self) -> dict[str, Figures]:
        """Figures by category, and their mean under ``mean`` where there are several."""
        found = {category: cell.figures[category] for category, cell in self.cells.items()}
        return found | ({MEAN: macro(found)} if len(found) > 1 else {})

    def only(self, categories: Iterable[str]) -> Series:
        """The same setting over fewer categories."""
        kept = set(categories)
        return Series({c: cell for c, cell in self.cells.items() if c in kept})

    def __bool__(self) -> bool:
        return bool(self.cells)


def paired(*series: Series) -> list[Series]:
    """The series over the categories that all have on the same test images, resampled alike; empty ones where none."""
    common = [c for c in series[0].cells if all(c in other.cells for other in series[1:])]
    kept = []
    for category in common:
        cells = [each.cells[category] for each in series]
        tested = {cell.scores[category].path if category in cell.scores else None for cell in cells}
        marks = {cell.figures[category].images for cell in cells}
        if len(tested) == 1 and None not in tested and len(marks) == 1:
            kept.append(category)
    return [each.only(kept) for each in series]


Groups = Mapping[str, Figures]
"""Figures by category, and their mean where there are several."""


def contrast(a: Series, b: Series) -> dict[str, dict[str, Difference]]:
    """a - b of every figure, by category and in the mean, over the categories that can be paired."""
    a, b = paired(a, b)
    return differences(a.groups, b.groups)


def differences(a: Groups, b: Groups) -> dict[str, dict[str, Difference]]:
    """a - b of every figure and of balanced accuracy, by group; both have the same groups, resampled alike."""
    names = (*FIGURES, BALANCED)
    return {g: compare(with_balanced_accuracy(a[g]), with_balanced_accuracy(b[g]), names) for g in a}


def shares(regime: Series, none: Series, clean: Series, names: Sequence[str]) -> dict[str, dict[str, Share]]:
    """(regime - none) / (clean - none), by category and in the mean, over the categories that can be paired.

    None where the figure did not fall from clean to none: there is no drop to recover.
    """
    regime, none, clean = paired(regime, none, clean)
    return recoveries(regime.groups, none.groups, clean.groups, names)


def recoveries(regime: Groups, none: Groups, clean: Groups, names: Sequence[str]) -> dict[str, dict[str, Share]]:
    """``shares`` of groups that are the same in all three, resampled alike."""
    found = {}
    for g in regime:
        by_name = recover(regime[g], none[g], clean[g], names)
        fell = {n: (clean[g].point(n) or 0.0) > (none[g].point(n) or 0.0) for n in names}
        found[g] = {
            n: share if fell[n] else Share(None, None, "the figure did not fall") for n, share in by_name.items()
        }
    return found


class Study:
    """All cells, each once, with the reference value of every factor that a table does not vary."""

    def __init__(self, runs: Sequence[Run], say: Callable[[str], None]) -> None:
        self.cells = _once(to_cells(runs), say)
        if not self.cells:
            raise AdshiftError("0 runs make no report; give folders of finished runs")
        self.detectors = sorted({c.detector for c in self.cells}, key=lambda d: (not d.startswith("PatchCore"), d))
        self.categories = tuple(dict.fromkeys(c for cell in self.cells for c in cell.categories))
        self.domains = tuple(dict.fromkeys(c.domain for c in self.cells if c.domain != CLEAN))
        self.regimes = tuple(sorted({*REGIMES, *(c.adaptation for c in self.cells)}, key=regime_order))
        single = [c for c in self.cells if not c.unified] or self.cells
        shifted = [c for c in single if c.domain != CLEAN] or single
        self.threshold: str = _usual([c.threshold for c in single])
        self.severity: float = _usual([c.severity for c in shifted])
        self.domain_seed: int = _usual([c.domain_seed for c in shifted])
        self.seed: int = _usual([c.seed for c in single])
        self._coresets = {d: _usual([c.coreset for c in self.cells if c.detector == d]) for d in self.detectors}

    def coreset(self, detector: str) -> float | None:
        """The coreset ratio that most of a detector's cells have; None without a memory bank."""
        ratio: float | None = self._coresets[detector]
        return ratio

    def select(self, **fixed: Any) -> list[Cell]:
        """The cells with these values of their attributes."""
        return [c for c in self.cells if all(getattr(c, name) == value for name, value in fixed.items())]

    def series(
        self, detector: str, domain: str, adaptation: str = "none", unified: bool = False, **other: Any
    ) -> Series:
        """A setting over its categories; factors that ``other`` does not fix take their reference value.

        The threshold is not one of them: without ``threshold`` the reference is preferred and any other accepted,
        which is right for figures that do not depend on it.
        """
        clean = domain == CLEAN
        fixed = {"coreset": self.coreset(detector), "seed": self.seed, "scope": "category",
                 "severity": 0.0 if clean else self.severity, "domain_seed": 0 if clean else self.domain_seed}  # fmt: skip
        matching = self.select(
            **{"detector": detector, "domain": domain, "adaptation": adaptation, "unified": unified, **fixed, **other}
        )
        matching.sort(key=lambda cell: cell.threshold != self.threshold)
        cells: dict[str, Cell] = {}
        for cell in matching:
            for category in cell.categories:
                cells.setdefault(category, cell)
        return Series({c: cells[c] for c in self.categories if c in cells})

    def conditions(self, detector: str, domain: str, **other: Any) -> dict[str, Series]:
        """The clean series, then each regime under ``domain``; only those that there are."""
        found = {CLEAN: self.series(detector, CLEAN, **other)}
        for regime in self.regimes:
            found[f"{domain}, {regime}"] = self.series(detector, domain, regime, **other)
        return {name: series for name, series in found.items() if series}

    def which_draw(self, domain: str) -> str:
        """``, domain seed 0``: the draw that a series shows, where a domain was drawn several times."""
        return (
            f", domain seed {self.domain_seed}" if len({c.domain_seed for c in self.select(domain=domain)}) > 1 else ""
        )

    @property
    def main_domain(self) -> str:
        """The shifted domain of the main tables: ``shift`` where there is one, else that of most cells; ``""`` for none."""
        if not self.domains:
            return ""
        return "shift" if "shift" in self.domains else str(_usual([c.domain for c in self.cells if c.domain != CLEAN]))


def _usual(values: Sequence[Any]) -> Any:
    """The most frequent value, the smallest of several."""
    counts = Counter(values)
    return min(counts, key=lambda v: (-counts[v], v is not None, v if v is not None else 0))


def _once(cells: Sequence[Cell], say: Callable[[str], None]) -> list[Cell]:
    """One run a cell: the one with saved maps, else the first by name; the others are named."""
    best: dict[tuple[Any, ...], Cell] = {}
    for cell in cells:
        held = best.get(cell.key)
        if held is None:
            best[cell.key] = cell
            continue
        saved = [bool(c.run.result["config"].get("save_maps")) for c in (held, cell)]
        kept, dropped = (cell, held) if saved[1] and not saved[0] else (held, cell)
        best[cell.key] = kept
        say(f"left out: {dropped.run.folder} is the same cell as {kept.run.folder}")
    return list(best.values())
