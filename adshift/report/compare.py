"""Differences between runs on the same images, and what a repair wins back.

``python -m adshift.report.compare A B`` prints A - B of every figure with its paired interval;
``python -m adshift.report.compare REGIME NONE CLEAN --recovered`` prints (regime - none) / (clean - none).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from adshift.errors import AdshiftError
from adshift.metrics.comparison import compare, recover
from adshift.metrics.resampling import Difference, Interval, Share
from adshift.metrics.summary import FIGURES, Figures
from adshift.report.comparisons import P_TITLES, family, p_values
from adshift.report.runs import table
from adshift.results.read import read_figures, read_result
from adshift.system.exit_status import status_of
from adshift.system.terminal import say

RECOVERABLE = ("image_auroc", "image_ap", "pixel_auroc", "pixel_ap", "pro_030", "pro_005", "specificity")
"""Figures that a shift lowers; not recall or F1: under an old threshold they can rise with the false alarms."""


def _check_same_images(folders: Sequence[Path], group: str) -> None:
    counts = [read_result(folder)["counts"].get(group) for folder in folders]
    tested = [None if c is None else (c["test_normal"], c["test_anomalous"]) for c in counts]
    if len(set(tested)) > 1:
        raise AdshiftError(
            f"{group} was tested on {tested} (normal, anomalous) images in the runs given; compare runs of one split"
        )


def _common(folders: Sequence[Path]) -> dict[str, list[Figures]]:
    """The groups that every run has, each with its figures in the order of the runs.

    A unified run and a run of one category share that category; ``macro`` and ``pooled`` are compared only between
    runs over the same categories.

    Raises:
        AdshiftError: nothing in common.
    """
    read = [read_figures(folder) for folder in folders]
    names = [name for name in read[0] if all(name in other for other in read[1:])]
    if len({tuple(sorted(set(r) - {"macro", "pooled"})) for r in read}) > 1:
        names = [name for name in names if name not in ("macro", "pooled")]
    if len(read[0]) == 2:
        names = [name for name in names if name != "macro"]  # the mean of one category says nothing new
    if not names:
        raise AdshiftError(
            f"the runs {', '.join(map(str, folders))} have no category in common; compare runs on the same images"
        )
    for name in names:
        _check_same_images(folders, name)
    return {name: [r[name] for r in read] for name in names}


def differences(a: Path, b: Path) -> dict[str, dict[str, Difference]]:
    """A - B by group and figure (paired bootstrap over the images)."""
    return {group: compare(of_a, of_b) for group, (of_a, of_b) in _common([a, b]).items()}


def recovered(regime: Path, none: Path, clean: Path) -> dict[str, dict[str, Share]]:
    """The share of the drop that a regime recovers, (regime - none) / (clean - none), by group and figure."""
    found = {}
    for group, (of_regime, of_none, of_clean) in _common([regime, none, clean]).items():
        found[group] = recover(of_regime, of_none, of_clean, RECOVERABLE)
    return found


def _bounds(interval: Interval | None) -> str:
    return "-" if interval is None else f"[{100 * interval[0]:+.1f}, {100 * interval[1]:+.1f}]"


def _difference_table(found: dict[str, dict[str, Difference]]) -> str:
    kept = [(g, n, d) for g, by_name in found.items() for n in FIGURES if (d := by_name[n]).estimate is not None]
    tested = [d for *_, d in kept]
    rows = [
        [group, figure, f"{100 * (d.estimate or 0.0):+.1f}", _bounds(d.interval), *told]
        for (group, figure, d), told in zip(kept, p_values(tested, "-"), strict=True)
    ]
    header = ("category", "figure", "A - B (points)", "95 % interval", *P_TITLES)
    return f"{table(header, rows)}\n\np (Holm): corrected over {family(tested)}"


def _share_rows(found: dict[str, dict[str, Share]]) -> list[list[str]]:
    return [
        [group, figure, "-" if s.value is None else f"{100 * s.value:+.0f}", _bounds(s.interval), s.reason or ""]
        for group, by_figure in found.items()
        for figure, s in by_figure.items()
    ]


def _report(runs: Sequence[Path], of_drop: bool) -> str:
    wanted = 3 if of_drop else 2
    if len(runs) != wanted:
        raise AdshiftError(f"{len(runs)} runs were given, {wanted} are needed; see --help")
    if of_drop:
        header = ("category", "figure", "recovered (percent)", "95 % interval", "why undefined")
        return table(header, _share_rows(recovered(*runs)))
    return _difference_table(differences(*runs))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m adshift.report.compare", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="DIR", help="two runs A B, or REGIME NONE CLEAN")
    parser.add_argument("--recovered", action="store_true", help="the share of the drop that REGIME recovers")
    chosen = parser.parse_args(arguments)
    return status_of(lambda: say(_report(chosen.runs, chosen.recovered)))


if __name__ == "__main__":
    sys.exit(main())
