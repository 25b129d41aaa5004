"""Finished runs as the report sees them: what distinguishes a cell of the grid, and its figures as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adshift.errors import printable
from adshift.results.read import read_result

REGIMES = ("none", "threshold", "full")
"""The study's, in its order."""


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and its result.json."""

    folder: Path
    result: dict[str, Any]

    @staticmethod
    def read(folder: Path) -> Run:
        """Read a run's folder; raises AdshiftError where it holds no finished run."""
        return Run(folder, read_result(folder))

    @property
    def factors(self) -> dict[str, str]:
        """The names of the choices that make this cell: method, data, domain, adaptation, threshold."""
        config = self.result["config"]
        return {
            "method": config["method"]["name"],
            "data": config["data"]["name"],
            "domain": domain_label(config["domain"]),
            "adaptation": self.result["adaptation"]["regime"],
            "threshold": threshold_kind(self.result["threshold"]),
        }


def domain_label(node: dict[str, Any]) -> str:
    """A domain's name, with its border and resampling where they are not the study's.

    >>> domain_label({"name": "shift", "border": "background", "resampling": "bilinear"})
    'shift (background)'
    """
    usual = {"border": "reflect", "resampling": "bilinear"}
    other = [str(node[key]) for key, value in usual.items() if node.get(key, value) != value]
    return f"{node['name']} ({', '.join(other)})" if other else str(node["name"])


def threshold_kind(thresholds: dict[str, Any]) -> str:
    """What the rule behind a run's thresholds calls itself; ``none`` for a run whose split left nothing to calibrate on.

    >>> threshold_kind({"carpet": {"kind": "conformal", "value": 3.2}})
    'conformal'
    """
    return ", ".join(sorted({str(held["kind"]) for held in thresholds.values()})) or "none"


def regime_order(name: str) -> tuple[int, str]:
    """Sorts the study's regimes first, as the study has them, then the others by name."""
    return (REGIMES.index(name) if name in REGIMES else len(REGIMES), name)


def percent(values: dict[str, Any], key: str, interval: str = "_ci") -> str:
    """A figure in percent with its interval: ``91.2 [85.0, 96.1]``; ``-`` where it is undefined."""
    value, bounds = values.get(key), values.get(key + interval)
    if value is None:
        return "-"
    text = f"{100 * value:.1f}"
    return text if bounds is None else f"{text} [{100 * bounds[0]:.1f}, {100 * bounds[1]:.1f}]"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns; what does not print in a cell is spelt out."""
    lines = [[printable(cell) for cell in line] for line in (header, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    text = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]
    return "\n".join([text[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *text[1:]])
