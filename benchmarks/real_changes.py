"""Real changes of light, every repair, over several draws: the sweeps that docs/results.md shows, and its tables.

    python benchmarks/real_changes.py run outputs/real --shared ../shared --weights WEIGHTS --draws 0 1 2
    python benchmarks/real_changes.py table outputs/real

Two lamps (``../shared/data/two_lamps``) and the solar cells of elpv-dataset, each change in both directions, PatchCore and
PaDiM. A draw is a seed: of the split, of the k pictures, of the coreset and of PaDiM's channels; draw 0 also tries the
regimes that need no calibration. Finished cells are not done again.

Rates over draws come with intervals from a bootstrap of both the draws and the test images, which all draws share.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

REPO = Path(__file__).resolve().parents[1]
METHODS = {"patchcore": "PatchCore", "padim": "PaDiM"}
CHANGES = (("lamp_a", "lamp_b"), ("lamp_b", "lamp_a"), ("mono", "poly"), ("poly", "mono"))
ALWAYS, ONCE = ("none", "threshold", "full"), ("normalise", "test_time")
PICTURES = (1, 2, 4, 8, 16, 32)
RESAMPLES = 2000
LEVEL = 0.95
FloatArray = NDArray[np.float64]


def sweeps(method: str, source: str, target: str, draw: int, shared: Path) -> Iterator[tuple[str, list[str]]]:
    """A folder's name and the words of each sweep of a change."""
    lamps = source.startswith("lamp")
    data = ["data=elpv"]
    if lamps:
        data = ["data=lamps", f"data.root={shared / 'data' / 'two_lamps'}", "data.category=aircraft_glass"]
    elif method == "patchcore":
        data.append("coreset_ratio=0.02")
    data += [f"method={method}", f"data.domain={source}", f"seed={draw}", f"split.seed={draw}"]
    regimes = ALWAYS if draw else ALWAYS + ONCE
    yield source, [*data, "domain=clean"]
    yield f"{source}-{target}", [*data, f"domain={target}", f"adaptation={','.join(regimes)}"]
    few = ["adaptation=few", f"few.seed={draw}", f"few.k={','.join(map(str, PICTURES))}"]
    yield f"{source}-{target}-k", [*data, f"domain={target}", *few]


def run(out: Path, shared: Path, weights: Path, draws: Sequence[int]) -> None:
    """Every sweep; ends where one fails."""
    common = ["split=standard", "backbone=resnet18", f"backbone.weights={weights}", "metrics.latency=false"]
    for draw in draws:
        for method in METHODS:
            for source, target in CHANGES:
                for name, words in sweeps(method, source, target, draw, shared):
                    folder = (out / f"draw_{draw}" / method / name).resolve()
                    command = [sys.executable, "train.py", "-m", *words, *common, f"hydra.sweep.dir={folder}"]
                    print(*command[1:], flush=True)
                    subprocess.run(command, cwd=REPO, check=True, env={**os.environ, "PYTHONPATH": str(REPO)})


@dataclass(frozen=True)
class Cell:
    """A finished run."""

    folder: Path

    @cached_property
    def result(self) -> dict[str, Any]:
        """Its result.json."""
        found: dict[str, Any] = json.loads((self.folder / "result.json").read_text())
        return found

    @cached_property
    def figures(self) -> dict[str, Any]:
        """Of its one category."""
        (found,) = self.result["metrics"]["categories"].values()
        return dict(found)

    @property
    def threshold(self) -> dict[str, Any]:
        """Its image threshold: ``promised_rate`` and ``n``."""
        (found,) = self.result["threshold"].values()
        return dict(found)

    @cached_property
    def _rows(self) -> list[dict[str, str]]:
        with (self.folder / "scores.csv").open(newline="") as handle:
            return sorted((row for row in csv.DictReader(handle) if row["role"] == "test"), key=lambda row: row["path"])

    def column(self, name: str) -> FloatArray:
        """A number a test image, by path."""
        return np.array([float(row[name]) for row in self._rows])

    @property
    def regime(self) -> str:
        """``none``, ..., ``few 8``."""
        config = self.result["config"]
        kind = str(config["adaptation"]["_target_"]).rsplit(".", 1)[-1]
        if kind == "FewAdaptation":
            return f"few {config['adaptation']['k']}"
        return KINDS[kind]


KINDS = {
    "NoAdaptation": "none", "ThresholdAdaptation": "threshold", "FullAdaptation": "full",
    "NormaliseAdaptation": "normalise", "TestTimeAdaptation": "test_time",
}  # fmt: skip
ORDER = ("clean", "none", "threshold", *(f"few {k}" for k in PICTURES), "full", "normalise", "test_time")


def cells(out: Path, method: str, source: str, target: str) -> dict[str, dict[int, Cell]]:
    """regime -> draw -> cell, of a change; ``clean`` is the source on itself."""
    found: dict[str, dict[int, Cell]] = {}
    for name in (source, f"{source}-{target}", f"{source}-{target}-k"):
        for path in sorted(out.glob(f"draw_*/{method}/{name}/*/result.json")):
            cell = Cell(path.parent)
            regime = "clean" if name == source else cell.regime
            found.setdefault(regime, {})[int(path.parents[2].parent.name.removeprefix("draw_"))] = cell
    return {regime: found[regime] for regime in ORDER if regime in found}


def resampled(cells_D: Sequence[Cell], figure: Callable[[Cell, FloatArray], FloatArray]) -> FloatArray:
    """A figure's mean over draws, resampled [B]: draws with replacement, test images the same in all of them."""
    rng = np.random.default_rng(0)
    label_N = cells_D[0].column("label")
    count_BN = np.zeros((RESAMPLES, len(label_N)))
    for value in (0, 1):  # each class keeps its size
        members = np.flatnonzero(label_N == value)
        for b in range(RESAMPLES):
            np.add.at(count_BN[b], rng.choice(members, len(members)), 1)
    of_DB = np.stack([figure(cell, count_BN) for cell in cells_D])
    drawn_BD = rng.integers(len(cells_D), size=(RESAMPLES, len(cells_D)))
    return np.asarray(of_DB[drawn_BD, np.arange(RESAMPLES)[:, None]].mean(1))


def false_alarms(cell: Cell, count_BN: FloatArray) -> FloatArray:
    """The rate of each resample."""
    good_N = cell.column("label") == 0
    return np.asarray(count_BN[:, good_N] @ cell.column("decision")[good_N] / count_BN[:, good_N].sum(1))


def recall(cell: Cell, count_BN: FloatArray) -> FloatArray:
    """The rate of each resample."""
    bad_N = cell.column("label") == 1
    return np.asarray(count_BN[:, bad_N] @ cell.column("decision")[bad_N] / count_BN[:, bad_N].sum(1))


def auroc(cell: Cell, count_BN: FloatArray) -> FloatArray:
    """The image AUROC of each resample: the share of pairs in order, equal scores for half."""
    score_N, label_N = cell.column("score"), cell.column("label")
    _, place_N = np.unique(score_N, return_inverse=True)
    size = int(place_N.max()) + 1
    good_BV, bad_BV = np.zeros((len(count_BN), size)), np.zeros((len(count_BN), size))
    for i, (place, label) in enumerate(zip(place_N, label_N, strict=True)):
        (bad_BV if label else good_BV)[:, place] += count_BN[:, i]
    below_BV = good_BV.cumsum(1) - good_BV / 2
    return np.asarray((bad_BV * below_BV).sum(1) / (good_BV.sum(1) * bad_BV.sum(1)))


def percent(value: float | None) -> str:
    """Of a share; - where there is none."""
    return "-" if value is None else f"{100 * value:.1f}"


def interval(of_B: FloatArray, digits: int = 1, sign: str = "") -> str:
    """The central one, in percent."""
    low, high = np.quantile(of_B, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return f"[{100 * low:{sign}.{digits}f}, {100 * high:{sign}.{digits}f}]"


def one_draw(found: dict[str, dict[int, Cell]], draw: int) -> Iterator[list[str]]:
    """Rows of the table of a draw: each run's own intervals."""
    for regime, by_draw in found.items():
        if draw in by_draw:
            cell = by_draw[draw]
            row = [regime]
            for name in ("image_auroc", "pixel_auroc", "pro_030", "recall"):
                value, bounds = cell.figures.get(name), cell.figures.get(f"{name}_ci")
                row.append(percent(value) if value is None or bounds is None else told(value, bounds))
            rate, bounds = cell.figures["false_alarm_rate"], cell.figures["false_alarm_rate_exact_ci"]
            yield [*row, percent(cell.threshold.get("promised_rate")), told(rate, bounds)]


def told(value: float, bounds: Sequence[float]) -> str:
    """A figure with its interval."""
    return f"{percent(value)} [{percent(bounds[0])}, {percent(bounds[1])}]"


def all_draws(found: dict[str, dict[int, Cell]]) -> Iterator[list[str]]:
    """Rows of the table over draws: of every regime with a promise."""
    plain = found["threshold"]
    for regime, by_draw in found.items():
        draws = sorted(by_draw)
        if len(draws) < 2:
            continue
        some = [by_draw[draw] for draw in draws]
        promised, n = (float(some[0].threshold[name]) for name in ("promised_rate", "n"))
        rates = [cell.figures["false_alarm_rate"] for cell in some]
        spread = beta((n + 1) * promised, (n + 1) * (1 - promised)).ppf([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        row = [regime, f"{len(draws)}", f"{np.mean([c.figures['image_auroc'] for c in some]) * 100:.1f}"]
        row += [interval(resampled(some, auroc)), f"{np.mean([c.figures['recall'] for c in some]) * 100:.1f}"]
        row += [percent(promised), f"{np.mean(rates) * 100:.1f} {interval(resampled(some, false_alarms))}"]
        row += [", ".join(percent(rate) for rate in rates), f"{100 * spread[0]:.1f} to {100 * spread[1]:.1f}"]
        if regime.startswith("few") and set(draws) <= set(plain):
            same = [plain[draw] for draw in draws]
            for figure in (auroc, recall):
                row.append(interval(resampled(some, figure) - resampled(same, figure), sign="+"))
        yield row + [""] * (len(WIDE) - len(row))


NARROW = ("regime", "image AUROC", "pixel AUROC", "PRO@0.3", "recall", "promised", "false alarms (exact)")
WIDE = (
    "regime", "draws", "image AUROC", "interval", "recall", "promised", "false alarms, mean", "each draw",
    "a draw's, expected", "AUROC less threshold's", "recall less threshold's",
)  # fmt: skip


def table(out: Path) -> None:
    """Print the tables in Markdown."""
    for source, target in CHANGES:
        for method, name in METHODS.items():
            found = cells(out, method, source, target)
            if not found:
                continue
            for title, columns, rows in (
                ("draw 0", NARROW, one_draw(found, 0)),
                ("all draws", WIDE, all_draws(found)),
            ):
                print(f"\n{name}, {source} to {target}, {title}\n")
                for line in (columns, ["-" * len(column) for column in columns], *rows):
                    print("| " + " | ".join(line) + " |")


def main() -> None:
    """Parse and do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run")
    running.add_argument("out", type=Path)
    running.add_argument("--shared", type=Path, default=REPO.parent / "shared")
    running.add_argument("--weights", type=Path, required=True)
    running.add_argument("--draws", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    telling = commands.add_parser("table")
    telling.add_argument("out", type=Path)
    given = parser.parse_args()
    if given.command == "run":
        run(given.out, given.shared.resolve(), given.weights.resolve(), given.draws)
    else:
        table(given.out)


if __name__ == "__main__":
    main()
