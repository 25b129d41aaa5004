"""Run the benchmarks one after the other, a process each: `make bench` or `make bench BENCH="metrics throughput"`.

Writes results.json beside this file (NAME -> record; those that were not run stay) and the table in docs/performance.md,
between its markers. A record holds `ours_s`, `peer_s`, `ratio`, `equal`, `n`, `repeats` and what else its script measures,
and under `machine` where and on which commit it was measured. Close other programs first: a second busy process slows
multi-threaded work several times over.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from machine import describe
from table import write_table

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs" / "performance.md"

COMMANDS: dict[str, list[str]] = {
    "coreset_1pct": ["coreset.py", "--ratio", "0.01", "--peer", "--growth"],
    "coreset_10pct": ["coreset.py", "--ratio", "0.1", "--repeats", "3"],
    "coreset_memory": ["coreset_memory.py"],
    "neighbours_384": ["neighbours.py", "--dim", "384", "--growth"],
    "neighbours_1536": ["neighbours.py", "--dim", "1536", "--growth"],
    "metrics": ["metrics.py", "--growth"],
    "padim_memory": ["padim_memory.py"],
    "throughput": ["throughput.py"],
    "train_job": ["train_job.py"],
    "coreset_sweep": ["sweep.py"],
    "predict_start": ["predict_start.py"],
    "busy_scoring": ["busy_scoring.py"],
}
TINY: dict[str, list[str]] = {
    "coreset_1pct": ["--rows", "4000", "--repeats", "1"],
    "coreset_10pct": ["--rows", "4000", "--repeats", "1"],
    "coreset_memory": ["--images", "4"],
    "neighbours_384": ["--bank", "1024", "--repeats", "1"],
    "neighbours_1536": ["--bank", "1024", "--repeats", "1"],
    "metrics": ["--images", "8", "--side", "64", "--repeats", "1"],
    "padim_memory": ["--images", "4", "8"],
    "throughput": ["--images", "8", "--repeats", "1"],
    "train_job": ["--repeats", "1", "--no-peer"],
    "coreset_sweep": ["--repeats", "1"],
    "predict_start": ["--repeats", "1", "--no-peer"],
    "busy_scoring": ["--repeats", "1", "--images", "2"],
}
"""Sizes that show only that a benchmark runs."""


def run(name: str, extra: list[str]) -> dict[str, Any]:
    """One benchmark in its own process; its record is the last line that it prints.

    Raises:
        subprocess.CalledProcessError: it failed; what it said is on stderr.
    """
    script, *arguments = COMMANDS[name]
    command = [sys.executable, str(HERE / script), *arguments, *extra]
    where = describe()
    started = time.perf_counter()
    done = subprocess.run(command, cwd=HERE.parent, check=True, stdout=subprocess.PIPE, text=True)
    record: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    record["command"] = " ".join(["python", f"benchmarks/{script}", *arguments, *extra])
    return {**record, "took_s": time.perf_counter() - started, "machine": where}


def stored(path: Path) -> dict[str, Any]:
    """The records of earlier runs."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def main() -> None:
    """Run those named, or all; write after each, so that an interrupted run keeps what it has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"some of: {', '.join(COMMANDS)}; all where none is given"
    )
    parser.add_argument(
        "--tiny", action="store_true", help="sizes that show only that it runs; measure nothing with them"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in COMMANDS]
    if unknown:
        parser.error(f"{unknown[0]} is no benchmark; choose from: {', '.join(COMMANDS)}")
    failed = []
    for name in arguments.names or COMMANDS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            record = run(name, TINY[name] if arguments.tiny else [])
        except subprocess.CalledProcessError as error:
            print(f"{name} failed with status {error.returncode}; its last record stays", file=sys.stderr)
            failed.append(name)
            continue
        kept = stored(arguments.results) | {name: record}
        kept = {known: kept[known] for known in COMMANDS if known in kept}
        arguments.results.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        write_table(arguments.page, kept)
        print(f"{name}: ours {record['ours_s']:.3g} s, ratio {record['ratio']}, equal {record['equal']}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
