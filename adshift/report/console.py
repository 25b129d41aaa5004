"""What a run prints at its end, and ``python -m adshift.report.console DIR...``: several runs side by side."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adshift.calibration.pixel_rule import AREA, IMAGE
from adshift.report.discover import chosen_runs
from adshift.report.runs import Run, percent, regime_order, table
from adshift.system.exit_status import status_of
from adshift.system.terminal import say, tell

SHOWN = (
    ("image AUROC", "image_auroc"),
    ("pixel AUROC", "pixel_auroc"),
    ("PRO@0.3", "pro_030"),
    ("F1", "image_f1"),
    ("recall", "recall"),
)
FACTORS = ("method", "domain", "adaptation", "threshold")
HEADER = (*(label for label, _ in SHOWN), "promised", "false alarms (exact)")


def _cells(run: Run, name: str, values: dict[str, Any]) -> list[str]:
    thresholds = run.result["threshold"]
    promised = thresholds.get(name, thresholds.get("global", {})).get("promised_rate")
    alarms = percent(values, "false_alarm_rate", "_exact_ci")
    return [*(percent(values, key) for _, key in SHOWN), "-" if promised is None else f"{100 * promised:.1f}", alarms]


def rows_of(run: Run) -> list[list[str]]:
    """A row a category, then the mean and the pooled set where there are several: name, figures, promise, false alarms."""
    metrics = run.result["metrics"]
    groups = dict(metrics["categories"])
    if len(groups) > 1:
        groups |= {"mean": metrics["macro"], "pooled": metrics["pooled"]}
    return [[name, *_cells(run, name, values)] for name, values in groups.items()]


def _unified(result: dict[str, Any]) -> list[str]:
    """The crossed thresholds and foreign matches of a unified run, as printed tables."""
    unified = result.get("unified", {})
    blocks = []
    for role, title in (("held_out", "held-out test normals"), ("train", "train normals, which the model holds")):
        matrix = unified.get("cross_threshold", {}).get(role)
        if matrix:
            columns = list(matrix)
            lines = [[i, *(percent(matrix[i][j], "rate", "none") for j in columns)] for i in columns]
            head = f"false alarms (percent) of row's {title}, under column's threshold"
            blocks.append(f"{head}\n{table(('', *columns), lines)}")
    foreign = unified.get("foreign_matches")
    if foreign:
        keys = ("share", "share_normal", "share_anomalous")
        lines = [[name, *(percent(found, key) for key in keys)] for name, found in foreign.items()]
        head = "test patches (percent) whose nearest neighbour is of another category"
        blocks.append(f"{head}\n{table(('category', 'all', 'normal images', 'anomalous images'), lines)}")
    return blocks


def _uncertain(result: dict[str, Any]) -> list[str]:
    """How many of the images that are neither good nor defective were called anomalous, a line a category and group."""
    return [
        f"{name}, {group}: {percent(held, 'rate', '_exact_ci')} % of {held['images']} called anomalous (in no figure above)"
        for name, groups in result.get("uncertain", {}).items()
        for group, held in groups.items()
    ]


def _outlines(result: dict[str, Any]) -> list[str]:
    """How many good test images have an outline, beside what was promised, a line a category."""
    promised = {
        IMAGE: " ({:.3g} % promised)",
        AREA: " (of a good image {:.3g} % promised at most, on average: {:.2g} %)",
    }
    lines = []
    for name, held in result.get("regions", {}).items():
        if not held["good_images"]:
            continue
        rate, said = held.get("promised_rate"), ""
        if rate is not None and held["pixel"] in promised:
            said = promised[held["pixel"]].format(100 * rate, 100 * held["outlined_area"])
        share = percent(held, "outlined_rate", "_exact_ci")
        lines.append(f"{name}: {share} % of {held['good_images']} good test images have an outline{said}")
    return lines


def _untested(result: dict[str, Any]) -> list[str]:
    """What there is to say of a run without any test image, a line a category; nothing where there is one."""
    counts = result["counts"]
    if any(held["test_normal"] + held["test_anomalous"] for held in counts.values()):
        return []
    lines = []
    for name, held in counts.items():
        threshold = result["threshold"].get(name, result["threshold"].get("global"))
        line = f"{name}: fitted on {held['train']} good images"
        if threshold is None:
            line += "; no threshold, so that nothing is decided"
        else:
            line += f"; anomalous is a score of {threshold['value']:.4g} or more"
            if (rate := threshold["promised_rate"]) is not None:
                line += f", which promises about {100 * rate:.1f} % false alarms on good images that look like these"
        lines.append(f"{line}.")
    return lines


def print_run(result: dict[str, Any], folder: Path) -> None:
    """Print a finished run: its figures, what it cost, its warnings, where it lies."""
    run = Run(folder, result)
    f = run.factors
    title = (
        f"{f['method']} on {f['data']}, domain={f['domain']}, adaptation={f['adaptation']}, threshold={f['threshold']}"
    )
    if untested := _untested(result):
        say("\n".join([f"\n{title}", *untested]))
    else:
        say(f"\n{title} (percent, [95 % interval])")
        say(table(("category", *HEADER), rows_of(run)))
    for line in (*_outlines(result), *_uncertain(result)):
        say(line)
    for block in _unified(result):
        say(f"\n{block}")
    timing, memory = result["timing"], result["memory"]
    latency, peak = timing.get("ms_per_image"), memory["peak_rss_mb"]
    say(
        (f"fit {timing['fit']:.1f} s, " if "fit" in timing else "")
        + f"score {timing['score']:.1f} s, metrics {timing['metrics']:.1f} s, "
        + (f"{latency['1']:.1f} ms an image ({latency['32']:.1f} in batches of 32), " if latency else "")
        + f"{memory['bank_vectors']} vectors ({memory['bank_mb']:.1f} MB)"
        + ("" if peak is None else f", peak {peak / 1000:.2f} GB")
    )
    for warning in result["warnings"]:
        tell(f"warning: {warning}")
    if result["config"]["data"]["source"] == "folder" and len(result["counts"]) == 1:
        given = shlex.quote(f"run={folder}")
        say(f"next: python predict.py {given} source=NEW; python -m adshift.stress {given}")
    say(f"run: {folder}" + (f"\npictures: {folder / 'pictures'}" if result["config"]["save_maps"] else ""))


def side_by_side(folders: Sequence[Path]) -> str:
    """A Markdown table of several runs, a row a run and category, sorted by what distinguishes them.

    Raises:
        AdshiftError: no folder holds a finished run.
    """
    runs = chosen_runs(folders)
    rows = [[row[0], *(run.factors[k] for k in FACTORS), *row[1:]] for run in runs for row in rows_of(run)]
    rows.sort(key=lambda row: (row[0], row[1] != "patchcore", row[2] != "clean", regime_order(row[3]), row[4]))
    return table(("category", *FACTORS, *HEADER), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m adshift.report.console",
        description="Set the figures of finished runs side by side (percent, 95 % intervals).",
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="DIR", help="folders of finished runs")
    runs = parser.parse_args(arguments).runs
    return status_of(lambda: say(side_by_side(runs)))


if __name__ == "__main__":
    sys.exit(main())
