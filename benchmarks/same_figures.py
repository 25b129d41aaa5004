"""The figures of a fixed list of cells, to hold one state of the code against another, digit by digit.

``python benchmarks/same_figures.py run CHECKOUT FOLDER [--screw ROOT --weights FILE]`` runs the cells with the programs of
a checkout and leaves FOLDER/figures.json; ``... compare A B`` prints where two such files differ and fails if they do.
What differs by design (times, paths, memory, store hits, versions) is not in them. Both sides need the same machine: other
processors round in other ways.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KEPT = ("metrics", "threshold", "pixel_threshold", "counts", "unified", "search", "warnings")
REGIMES = {
    "plain": ["adaptation=none,threshold,full,normalise"],
    "robust": ["adaptation=robust", "robust.copies=1"],
    "few": ["adaptation=few", "few.k=4"],
    "test_time": ["adaptation=test_time", "test_time.batch=16"],
}
COMMON = ["domain=shift", "threshold=conformal", "metrics.bootstrap=50", "metrics.latency=false", "logger=none",
          "data.num_workers=0"]  # fmt: skip


def sweeps(screw: Path | None, weights: Path | None) -> Iterator[tuple[str, list[str]]]:
    """Name and overrides of each multirun."""
    both = "method=patchcore,padim"
    sides = {"patchcore": ["coreset_ratio=0.05"], "padim": ["method=padim"]}
    tiny = ["backbone=small", "image_size=96", *COMMON]
    for method, own in sides.items():
        for regime, changed in REGIMES.items():
            for name in ("weave", "nut"):
                yield f"{name}-{method}-{regime}", [f"data={name}", *tiny, *own, *changed]
            if screw is not None and weights is not None:
                real = ["data=screw", f"data.root={screw}", "backbone=resnet18", f"backbone.weights={weights}"]
                ratio = ["coreset_ratio=0.01"] if method == "patchcore" else []
                yield f"screw-{method}-{regime}", [*real, *COMMON, *own[: method == "padim"], *ratio, *changed]
    yield "unified", ["data=unified_synthetic", *tiny, both, "threshold.scope=category,global"]
    yield "crossfit", ["data=rack", *tiny, both, "split=official", "crossfit=3"]
    yield "f1-maps", ["data=nut", *tiny, "threshold=f1", both, "save_maps=true"]


def _call(checkout: Path, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(checkout), "HYDRA_FULL_ERROR": "1"}
    done = subprocess.run([sys.executable, *arguments], cwd=checkout, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")


def _table(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as handle:
        return [
            ["/".join(row[0].split("/")[-3:]), *("" if "/" in cell else cell for cell in row[1:])]
            for row in csv.reader(handle)
        ]


def _figures(folder: Path) -> dict[str, Any]:
    result = json.loads((folder / "result.json").read_text())
    found = {key: result[key] for key in KEPT if key in result}
    found["samples"] = result["provenance"]["samples_sha256"]
    found["weights"] = result["provenance"]["weights_sha256"]
    found["promised"] = result["adaptation"].get("promised_rate")
    return found | {"scores": _table(folder / "scores.csv")}


def _exported(folder: Path) -> dict[str, Any]:
    metadata: dict[str, Any] = json.loads((folder / "export.json").read_text())["metadata"]
    return {key: value for key, value in metadata.items() if key != "adshift"}


def run(checkout: Path, out: Path, screw: Path | None, weights: Path | None) -> None:
    """Run every cell; leaves figures.json."""
    out.mkdir(parents=True, exist_ok=True)
    data, store = out / "data", f"store.root={out / 'store'}"
    found: dict[str, Any] = {}
    for name, overrides in sweeps(screw, weights):
        drawn = [] if name.startswith("screw") else [f"data.root={data}"]
        _call(checkout, "train.py", "-m", *overrides, *drawn, store, f"hydra.sweep.dir={out / name}")
        for folder in sorted((out / name).iterdir(), key=lambda path: path.name):
            if (folder / "result.json").is_file():
                found[f"{name}/{folder.name}"] = _figures(folder)
        print(f"{name}: {sum(key.startswith(f'{name}/') for key in found)} cells", flush=True)
    for name in ("nut-patchcore", "nut-padim"):
        fitted = out / f"{name}-plain" / "0"
        for adaptation in ("none", "threshold", "few", "test_time"):
            to = out / f"{name}-evaluated" / adaptation
            changed = ["domain=photometric", f"adaptation={adaptation}", "threshold=quantile", store]
            _call(checkout, "evaluate.py", f"run={fitted}", *changed, f"hydra.run.dir={to}")
            found[f"{name}-evaluated/{adaptation}"] = _figures(to)
        for kind, run_folder in (("fitted", fitted), ("repaired", out / f"{name}-few" / "0")):
            to = out / f"{name}-predicted" / kind
            _call(checkout, "predict.py", f"run={run_folder}", f"source={data / 'nut' / 'test'}", f"hydra.run.dir={to}")
            found[f"{name}-predicted/{kind}"] = _table(to / "predictions.csv")
            to = out / f"{name}-exported" / kind
            _call(checkout, "export.py", f"run={run_folder}", f"hydra.run.dir={to}")
            found[f"{name}-exported/{kind}"] = _exported(to)
        print(f"{name}: evaluated, predicted, exported", flush=True)
    (out / "figures.json").write_text(json.dumps(found, indent=1, sort_keys=True))
    shutil.rmtree(out / "store")


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from _leaves(inner, f"{place}/{key}")
    else:
        yield place, value


def compare(a: Path, b: Path) -> int:
    """The number of leaves that differ, the first of them printed."""
    one, two = (dict(_leaves(json.loads((path / "figures.json").read_text()))) for path in (a, b))
    differing = [k for k in sorted(one.keys() | two.keys()) if k not in one or k not in two or one[k] != two[k]]
    for key in differing[:20]:
        print(f"{key}: {one.get(key, 'absent')} | {two.get(key, 'absent')}")
    print(f"{len(one)} values, {len(differing)} differ")
    return len(differing)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run")
    running.add_argument("checkout", type=Path)
    running.add_argument("folder", type=Path)
    running.add_argument("--screw", type=Path, help="the folder that holds screw/")
    running.add_argument("--weights", type=Path, help="ImageNet weights of ResNet-18")
    comparing = commands.add_parser("compare")
    comparing.add_argument("a", type=Path)
    comparing.add_argument("b", type=Path)
    options = parser.parse_args()
    if options.command == "compare":
        sys.exit(1 if compare(options.a, options.b) else 0)
    real = (options.screw, options.weights)
    run(options.checkout.resolve(), options.folder.resolve(), *(p and p.resolve() for p in real))


if __name__ == "__main__":
    main()
