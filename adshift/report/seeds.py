"""Runs that differ in their seeds alone, as mean and spread: ``python -m adshift.report.seeds DIR...``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adshift.metrics.seeds import Spread, aggregate
from adshift.report.discover import chosen_runs
from adshift.report.runs import Run, table
from adshift.system.exit_status import status_of
from adshift.system.terminal import say

SHOWN = ("image_auroc", "pixel_auroc", "pro_030", "image_f1", "recall", "false_alarm_rate")


def _without_seeds(config: dict[str, Any]) -> str:
    """A key that is equal for runs that differ in ``seed`` and ``domain.seed`` alone, whoever was told of them."""
    kept = {k: v for k, v in config.items() if k not in ("seed", "run", "logger")}
    kept["domain"] = {k: v for k, v in config["domain"].items() if k != "seed"}
    kept["method"] = {k: v for k, v in config["method"].items() if k != "seed"}
    return json.dumps(kept, sort_keys=True)


def by_cell(folders: Sequence[Path]) -> list[list[Run]]:
    """The runs, grouped by everything but their seeds; raises AdshiftError where no folder holds a finished run."""
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in chosen_runs(folders):
        tested = sorted(run.result["metrics"]["categories"])
        groups.setdefault((_without_seeds(run.result["config"]), *tested), []).append(run)
    return list(groups.values())


def _text(spread: Spread) -> str:
    if spread["mean"] is None:
        return "-"
    std = "" if spread["std"] is None else f" ± {100 * spread['std']:.1f}"
    return f"{100 * spread['mean']:.1f}{std}"


def seed_table(folders: Sequence[Path]) -> str:
    """A row a cell and category: number of seeds, then mean ± sample standard deviation over them, in percent."""
    rows = []
    for runs in by_cell(folders):
        for category in runs[0].result["metrics"]["categories"]:
            values = [run.result["metrics"]["categories"][category] for run in runs]
            spreads = [_text(aggregate([v[figure] for v in values])) for figure in SHOWN]
            rows.append([category, *(runs[0].factors[k] for k in ("method", "domain", "adaptation", "threshold")),
                         str(len(runs)), *spreads])  # fmt: skip
    return table(("category", "method", "domain", "adaptation", "threshold", "seeds", *SHOWN), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m adshift.report.seeds", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="DIR", help="folders of finished runs")
    runs = parser.parse_args(arguments).runs
    return status_of(lambda: say(seed_table(runs)))


if __name__ == "__main__":
    sys.exit(main())
