"""What a tracker is told of a run: flat names with plain values, and the files worth keeping."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adshift.results.files import CALIBRATION, RESULT, SCORES
from adshift.results.read import read_result

PICTURES = "pictures"
KEPT = (RESULT, SCORES, CALIBRATION)


@dataclass(frozen=True)
class Record:
    """A finished run.

    Attributes:
        folder: where it lies.
        name: what a tracker's list calls it.
        config: the resolved configuration, ``group/key`` to a number, a text or a truth value.
        figures: every number of the result, ``GROUP/figure``; undefined ones are left out.
        pictures: PNG files, where the run drew some.
        files: result.json and the tables beside it.
    """

    folder: Path
    name: str
    config: dict[str, Any]
    figures: dict[str, float]
    pictures: tuple[Path, ...]
    files: tuple[Path, ...]


def read_record(folder: Path) -> Record:
    """The record of a finished run; raises AdshiftError where it is none."""
    result = read_result(folder)
    config = result["config"]
    words = (config["method"]["name"], config["data"]["name"], config["domain"]["name"], result["adaptation"]["regime"])
    return Record(
        folder,
        " ".join(words),
        flat(config),
        figures(result),
        tuple(sorted((folder / PICTURES).glob("*.png"))),
        tuple(folder / name for name in KEPT if (folder / name).is_file()),
    )


def flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by ``/``; lists as JSON, None as ``null``."""
    found: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}/")
        else:
            found[f"{prefix}{key}"] = value if isinstance(value, bool | int | float | str) else json.dumps(value)
    return found


def figures(result: dict[str, Any]) -> dict[str, float]:
    """Every number of a result.json that is defined.

    Figures stand under ``macro/``, ``pooled/`` and ``CATEGORY/``, an interval as ``FIGURE_low`` and ``FIGURE_high``, a
    threshold as ``CATEGORY/threshold`` with ``CATEGORY/threshold_promised_rate``; ``timing/``, ``memory/`` and ``counts/``
    as they are.
    """
    metrics = result["metrics"]
    groups = {**metrics["categories"], **{name: metrics[name] for name in ("macro", "pooled") if name in metrics}}
    found: dict[str, Any] = {}
    for group, values in groups.items():
        for name, value in values.items():
            if isinstance(value, list):
                stem = f"{group}/{name.removesuffix('_ci')}"
                found |= {f"{stem}_low": value[0], f"{stem}_high": value[1]}
            else:
                found[f"{group}/{name}"] = value
    for kind in ("threshold", "pixel_threshold"):
        for group, held in result.get(kind, {}).items():
            found |= {f"{group}/{kind}": held["value"], f"{group}/{kind}_promised_rate": held["promised_rate"]}
    for group, held in result.get("regions", {}).items():
        found |= {f"{group}/{name}": held.get(name) for name in ("outlined_rate", "outlined_area", "seg_f1")}
    for part in ("timing", "memory", "counts"):
        found |= flat({part: result.get(part, {})})
    return {name: float(value) for name, value in found.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
