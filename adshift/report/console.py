"""What a run prints at its end, and the table that sets several runs side by side."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adshift.errors import AdshiftError

SHOWN = (
    ("image AUROC", "image_auroc"),
    ("pixel AUROC", "pixel_auroc"),
    ("PRO@0.3", "pro_030"),
    ("F1", "image_f1"),
    ("recall", "recall"),
    ("false alarms", "false_alarm_rate"),
)


def figure(values: dict[str, Any], key: str) -> str:
    """A figure in percent with its interval: ``91.2 [85.0, 96.1]``; ``-`` where it is undefined."""
    value, interval = values.get(key), values.get(f"{key}_ci")
    if value is None:
        return "-"
    text = f"{100 * value:.1f}"
    return text if interval is None else f"{text} [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in [header, *rows]
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def _title(config: dict[str, Any]) -> tuple[str, ...]:
    return (
        config["method"]["name"],
        config["data"]["name"],
        config["domain"]["name"],
        config["adaptation"]["_target_"].rsplit(".", 2)[-2],
        config["threshold"]["_target_"].rsplit(".", 2)[-2],
    )


def print_run(result: dict[str, Any], folder: Path) -> None:
    """Print a finished run: its figures a category, its thresholds, what it cost, its warnings, where it lies."""
    metrics = result["metrics"]
    method, data, domain, adaptation, threshold = _title(result["config"])
    print(
        f"\n{method} on {data}, domain={domain}, adaptation={adaptation}, threshold={threshold} (percent, [95 % interval])"
    )
    rows = [(name, *(figure(values, key) for _, key in SHOWN)) for name, values in metrics["categories"].items()]
    if len(rows) > 1:
        rows.append(("mean", *(figure(metrics["macro"], key) for _, key in SHOWN)))
    print(table(("category", *(label for label, _ in SHOWN)), rows))
    timing, memory = result["timing"], result["memory"]
    latency = timing.get("ms_per_image")
    print(
        (f"fit {timing['fit']:.1f} s, " if "fit" in timing else "")
        + f"score {timing['score']:.1f} s, metrics {timing['metrics']:.1f} s, "
        + (f"{latency['1']:.1f} ms an image ({latency['32']:.1f} in batches of 32), " if latency else "")
        + f"{memory['bank_vectors']} vectors ({memory['bank_mb']:.1f} MB), peak {memory['peak_rss_mb'] / 1000:.2f} GB"
    )
    for warning in result["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"run: {folder}" + (f"\npictures: {folder / 'pictures'}" if result["config"]["save_maps"] else ""))


def compare(folders: Sequence[Path]) -> str:
    """A Markdown table of several runs, a row a run and category.

    Raises:
        AdshiftError: a folder holds no finished run.
    """
    from adshift.results import read_result

    rows = []
    for folder in folders:
        result = read_result(folder)
        method, _, domain, adaptation, threshold = _title(result["config"])
        for name, values in result["metrics"]["categories"].items():
            shown = (figure(values, key) for _, key in SHOWN)
            rows.append((name, method, domain, adaptation, threshold, *shown))
    header = ("category", "method", "domain", "adaptation", "threshold", *(label for label, _ in SHOWN))
    return table(header, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m adshift.report.console DIR...``: print the runs' figures side by side."""
    parser = argparse.ArgumentParser(
        description="Set the figures of finished runs side by side (percent, 95 % intervals)."
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="DIR", help="folders of finished runs")
    try:
        print(compare(parser.parse_args(arguments).runs))
    except AdshiftError as error:
        print(f"adshift: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
