"""What a stress test leaves: stress.json, written last, stress.csv, and the page; and what it prints."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from adshift.report.thumbnails import Gallery
from adshift.report.write import write_report
from adshift.stress.cells import PIXEL, Cell
from adshift.stress.outcome import Outcome
from adshift.stress.page import make_page
from adshift.stress.verdicts import Verdict, sentence
from adshift.stress.words import headline, overview, promise
from adshift.system.atomic import write_text
from adshift.system.provenance import device_name, git_commit, package_versions, peak_memory
from adshift.system.terminal import say, tell
from adshift.trials.figures import IMAGE
from adshift.trials.figures import as_json as difference_json

SCHEMA = 1
JSON, TABLE = "stress.json", "stress.csv"
FIGURES = (*IMAGE, *PIXEL)


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Write everything into ``folder`` and print the answer."""
    write_text(folder / TABLE, _table(outcome))
    write_report(folder, make_page(outcome), Gallery(), tell)
    write_text(folder / JSON, json.dumps(as_json(outcome), indent=1, allow_nan=False) + "\n")
    say(f"\n{headline(outcome)}\n{promise(outcome)}\n\n{overview(outcome)}\n")
    for note in outcome.notes:
        tell(f"warning: {note}")
    say(f"{folder / TABLE}\n{folder / JSON}\n{folder / 'index.html'}")


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The content of stress.json: plain JSON values; figures of pasted defects stand under names that say so."""
    bench = outcome.bench
    return {
        "schema": SCHEMA,
        "config": outcome.chosen,
        "run_config": outcome.config,
        "category": outcome.category,
        "good_images": len(bench.good),
        "images": [
            {"path": good.path, "fold": int(fold), "defect": pasted.defect}
            for good, fold, pasted in zip(bench.good, bench.fold_N, bench.pasted, strict=True)
        ],
        "defects": "pasted, not real",
        "promise": promise(outcome),
        "cells": [_cell(cell) for cell in outcome.cells],
        "verdicts": [_verdict(found) for found in outcome.verdicts],
        "warnings": list(outcome.notes),
        "seconds": outcome.seconds,
        "memory": peak_memory(),
        "provenance": {
            "git_commit": git_commit(),
            "packages": package_versions(),
            "device": device_name(bench.device),
            "weights_sha256": bench.method.weights_sha256,
        },
    }


def _named(name: str) -> str:
    """A figure that rests on pasted defects says so in its name."""
    return name if name.startswith("false_alarm_rate") else f"pasted_{name}"


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "component": cell.component,
        "severity": cell.severity,
        "repair": cell.repair,
        **{_named(name): value for name, value in cell.figures.values.items()},
        "found_by_kind": {kind: {"found": found, "of": n} for kind, (found, n) in cell.recall_by_kind.items()},
        "thresholds": [c.threshold for c in cell.calibrations],
        "promised_rate": cell.calibrations[0].promised_rate,
        "regions": {"pasted_seg_f1" if key == "seg_f1" else key: value for key, value in cell.regions.items()},
    }


def _verdict(found: Verdict) -> dict[str, Any]:
    return {
        "component": found.component,
        "severity": found.severity,
        "repair": found.repair,
        "words": sentence(found),
        "loss": difference_json(found.loss),
        "gains": {name: difference_json(gain) for name, gain in found.gains.items()},
    }


def _table(outcome: Outcome) -> str:
    """A row a cell; each figure with its interval; the counts' exact intervals too."""
    names = [f"{figure}{end}" for figure in FIGURES for end in ("", "_low", "_high")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["component", "severity", "repair", *map(_named, names)])
    for cell in outcome.cells:
        row: list[Any] = [cell.component, f"{cell.severity:g}", cell.repair]
        for figure in FIGURES:
            value, interval = cell.figures.values[figure], cell.figures.values[f"{figure}_ci"]
            ends = interval if isinstance(interval, list) else ["", ""]
            row += ["" if value is None else value, *ends]
        writer.writerow(row)
    return text.getvalue()
