"""A run as a cell of the grid: the factors that set it apart, its figures and its scores."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adshift.config.build import HOMES
from adshift.errors import AdshiftError
from adshift.metrics.summary import FIGURES, Figures
from adshift.report.runs import Run
from adshift.results.files import SCORES
from adshift.results.read import read_figures
from adshift.shift.names import CLEAN

ON_CLEAN = ("none", "threshold", "full")
"""Regimes that are one and the same where nothing is shifted."""
METHOD_NAMES = {"patchcore": "PatchCore", "padim": "PaDiM"}
OWN_GROUPS = ("data", "domain", "adaptation", "threshold", "trainer", "method", "store", "logger", "hydra", "study")
"""Groups whose factors are read by name below, or that change no figure."""
OWN_KEYS = ("coreset_ratio", "seed", "save_maps", "run", "data_root", "metrics.latency", "force", "objective")
PIXEL_KEYS = ("pixel", "region")
"""Of a threshold rule: runs of earlier versions have none."""
BORN = "born"
"""Of an evaluation: the regime that its model was fitted under, where its own starts from that one."""
OWN_METHOD_KEYS = ("_target_", "name", "coreset_ratio", "seed", "search")


@dataclass(frozen=True)
class Scores:
    """The test images of one category in one run, in the run's order: N paths, defects, labels and raw scores."""

    path: tuple[str, ...]
    defect: tuple[str, ...]
    label_N: NDArray[np.int64]
    score_N: NDArray[np.float64]
    threshold: float | None


@dataclass(frozen=True)
class Cell:
    """A finished run by its factors.

    Attributes:
        detector: method with backbone and options, a label that sets apart whatever else differs between the runs.
        coreset: share of the patches kept; None for a method without a memory bank.
        domain: of the test images; with ``severity`` and ``domain_seed`` (0 where clean).
        threshold: kind, with its options where the runs differ in them.
        scope: ``category`` or ``global``.
        categories: those of the model; several for a unified one.
    """

    run: Run
    detector: str
    coreset: float | None
    domain: str
    severity: float
    domain_seed: int
    seed: int
    adaptation: str
    threshold: str
    scope: str
    categories: tuple[str, ...]

    @property
    def unified(self) -> bool:
        """One model over several categories."""
        return len(self.categories) > 1

    @property
    def condition(self) -> str:
        """Domain and regime in words: ``clean``, ``shift, none``."""
        return CLEAN if self.domain == CLEAN and self.adaptation == "none" else f"{self.domain}, {self.adaptation}"

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for runs of one cell."""
        return (self.detector, self.coreset, self.domain, self.severity, self.domain_seed, self.seed, self.adaptation,
                self.threshold, self.scope, self.categories)  # fmt: skip

    @cached_property
    def figures(self) -> dict[str, Figures]:
        """Figures by group (categories, ``macro``, ``pooled``); without replicates where the run kept none."""
        try:
            return read_figures(self.run.folder)
        except AdshiftError:
            metrics = self.run.result["metrics"]
            groups = {**metrics["categories"], **{g: metrics[g] for g in ("macro", "pooled") if g in metrics}}
            return {name: Figures(values, []) for name, values in groups.items()}

    @cached_property
    def scores(self) -> dict[str, Scores]:
        """The test scores by category; empty where scores.csv is missing or broken."""
        try:
            with (self.run.folder / SCORES).open(newline="", encoding="utf-8") as handle:
                rows = [row for row in csv.DictReader(handle) if row["role"] == "test"]
            return {c: _scores([row for row in rows if row["category"] == c]) for c in self.categories}
        except (OSError, KeyError, ValueError, TypeError, csv.Error):
            return {}


def _scores(rows: Sequence[Mapping[str, str]]) -> Scores:
    thresholds = {row["threshold"] for row in rows if row["threshold"]}
    return Scores(
        tuple(row["path"] for row in rows),
        tuple(row["defect"] for row in rows),
        np.array([int(row["label"]) for row in rows], np.int64),
        np.array([float(row["score"]) for row in rows], np.float64),
        float(thresholds.pop()) if len(thresholds) == 1 else None,
    )


def flatten(node: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested values as ``group.key`` -> text: ``a+b`` for a list of names; a path shows its last part, so that machines do
    not differ by folders."""
    found: dict[str, str] = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            found |= flatten(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            found[prefix + key] = PurePath(value).name or value
        elif isinstance(value, Sequence) and value and all(isinstance(v, str) for v in value):
            found[prefix + key] = "+".join(value)
        else:
            found[prefix + key] = json.dumps(value)
    return found


def _detector_keys(config: Mapping[str, Any]) -> dict[str, str]:
    """What is left of a configuration without the factors that ``Cell`` names: backbone, split, options of the method."""
    named = (*OWN_GROUPS, *OWN_KEYS)
    others = {key: node for key, node in config.items() if key not in named and not _of_a_regime(node)}
    keys = {k: v for k, v in flatten(others).items() if k not in OWN_KEYS}
    keys["data.source"] = str(config["data"].get("source"))
    keys |= {"data.domain": str(config["data"]["domain"])} if "domain" in config["data"] else {}
    own = {k: v for k, v in config["method"].items() if k not in OWN_METHOD_KEYS}
    return keys | flatten(own, "method.")


def _of_a_regime(node: Any) -> bool:
    """Whether a group holds the keys of a regime: they are under ``adaptation`` as well, or, in an evaluation under
    another one, are left from the run that it is of."""
    return isinstance(node, Mapping) and str(node.get("_target_")).startswith(HOMES["adaptation"])


def _varying(nodes: Sequence[Mapping[str, str]]) -> list[str]:
    """Keys with more than one value, in order; a key that a node lacks counts as a value."""
    keys = dict.fromkeys(key for node in nodes for key in node)
    return [key for key in keys if len({node.get(key, "-") for node in nodes}) > 1]


def _labels(runs: Sequence[Run]) -> list[str]:
    """The detector's label of each run: the method, and in brackets what varies beside the named factors."""
    nodes = [_detector_keys(run.result["config"]) for run in runs]
    methods = [run.factors["method"] for run in runs]
    shared = _varying([{k: v for k, v in node.items() if not k.startswith("method.")} for node in nodes])
    labels = []
    for method, node in zip(methods, nodes, strict=True):
        own = _varying([n for m, n in zip(methods, nodes, strict=True) if m == method])
        shown = [*shared, *(key for key in own if key.startswith("method."))]
        extra = ", ".join(_said(key, node.get(key, "-")) for key in shown if key != BORN or key in node)
        labels.append(METHOD_NAMES.get(method, method) + (f" ({extra})" if extra else ""))
    return labels


def _said(key: str, value: str) -> str:
    """A factor in words: ``backbone.weights=random`` is "weights random", a class says what its group is."""
    group, _, name = key.rpartition(".")
    return f"{group} {value.rpartition('.')[2]}" if name == "_target_" else f"{name} {value}"


def _with_options(kinds: Sequence[str], nodes: Sequence[Mapping[str, str]]) -> list[str]:
    """Each run's kind, followed by the options in which runs of that kind differ."""
    labels = []
    for kind, node in zip(kinds, nodes, strict=True):
        shown = _varying([n for k, n in zip(kinds, nodes, strict=True) if k == kind])
        labels.append(" ".join([kind, *(f"{key.rpartition('.')[2]} {node[key]}" for key in shown if key in node)]))
    return labels


def _threshold_labels(runs: Sequence[Run]) -> list[str]:
    kinds = [run.factors["threshold"] for run in runs]
    nodes = [run.result["config"]["threshold"] if run.result["threshold"] else {} for run in runs]
    flat = [flatten({k: v for k, v in node.items() if k not in ("_target_", "scope", "name")}) for node in nodes]
    return _with_options(
        kinds, [_without_agreed(node, kind, kinds, flat) for kind, node in zip(kinds, flat, strict=True)]
    )


def _without_agreed(
    node: dict[str, str], kind: str, kinds: Sequence[str], nodes: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    """A rule's options without those of its pixels that agree in all runs of its kind that have them."""
    same = [n for k, n in zip(kinds, nodes, strict=True) if k == kind]
    return {k: v for k, v in node.items() if k not in PIXEL_KEYS or len({n[k] for n in same if k in n}) > 1}


def _regime_labels(runs: Sequence[Run]) -> list[str]:
    def options(node: Mapping[str, Any]) -> dict[str, str]:
        parts = node.get("parts", [node])
        return flatten({str(i): {k: v for k, v in part.items() if k != "_target_"} for i, part in enumerate(parts)})

    nodes = [options(run.result["config"]["adaptation"]) for run in runs]
    return _with_options([run.factors["adaptation"] for run in runs], nodes)


def to_cells(runs: Sequence[Run]) -> list[Cell]:
    """The runs by their factors; labels name what differs between these runs and nothing else."""
    cells = []
    labels = zip(runs, _labels(runs), _threshold_labels(runs), _regime_labels(runs), strict=True)
    for run, detector, threshold, adaptation in labels:
        config, factors = run.result["config"], run.factors
        categories = tuple(run.result["metrics"]["categories"])
        clean = factors["domain"] == CLEAN
        domain = config["domain"]
        ratio = config["method"].get("coreset_ratio")
        cells.append(
            Cell(
                run=run,
                detector=detector,
                coreset=None if ratio is None else float(ratio),
                domain=factors["domain"],
                severity=0.0 if clean else float(domain.get("severity", 1.0)),
                domain_seed=0 if clean else int(domain.get("seed", 0)),
                seed=int(config.get("seed", 0)),
                adaptation="none" if clean and factors["adaptation"] in ON_CLEAN else adaptation,
                threshold=threshold,
                scope=str(config["threshold"].get("scope", "category")) if len(categories) > 1 else "category",
                categories=categories,
            )
        )
    return cells


def values_of(figures: Figures) -> dict[str, tuple[float | None, float | None, float | None]]:
    """Every figure with the ends of its interval, None where there is none."""
    found = {}
    for name in FIGURES:
        bounds = figures.values.get(f"{name}_ci")
        low, high = bounds if isinstance(bounds, list) else (None, None)
        value = figures.values.get(name)
        found[name] = (None if isinstance(value, list) else value, low, high)
    return found
