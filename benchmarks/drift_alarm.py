"""How often the drift alarm sounds on streams that do not drift, and how soon on those that do; with the shipped code.

    python benchmarks/drift_alarm.py                # 2,000 streams of 5,000 parts a row: about 20 minutes on two cores
    python benchmarks/drift_alarm.py --streams 200  # a look

Scores of good parts are standard normal, those of defects lie four standard deviations higher; the calibration scores are
good. Printed are the share of streams that ever alarm, with its exact 95 % interval, and the median of the parts until the
alarm after a shift. ``level`` is the evidence that calls: one stream of weight 1, so that delta is the whole promise.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Sequence
from multiprocessing import Pool

import numpy as np

from adshift.calibration.binomial import binomial_interval
from adshift.drift.evidence import Evidence, Stream

DELTA = 0.01
NORMALS = (20, 40, 200)
DEFECTS = (0.0, 0.01, 0.05)
SHIFTS = (0.5, 1.0, 2.0)
BEFORE = (100, 1000, 5000)
FAR = 4.0
"""Standard deviations that a defect's score lies higher."""


def alarm_at(seed: int, normals: int, defects: float, parts: int, before: int, shift: float) -> int | None:
    """The part, from 1, at which a simulated stream alarms; None where it never does."""
    rng = np.random.default_rng(seed)
    evidence = Evidence((Stream("score", 1.0),), DELTA, seed)
    evidence.learn(0, rng.normal(size=normals).tolist())
    score_N = rng.normal(size=parts) + FAR * (rng.random(parts) < defects)
    score_N[before:] += shift
    for i, score in enumerate(score_N.tolist(), start=1):
        evidence.update(i, (score,))
        if evidence.over():
            return i
    return None


def _false(job: tuple[int, int, float, int]) -> bool:
    seed, normals, defects, parts = job
    return alarm_at(seed, normals, defects, parts, parts, 0.0) is not None


def _late(job: tuple[int, int, int, float, int]) -> tuple[int | None, int]:
    seed, normals, before, shift, parts = job
    return alarm_at(seed, normals, 0.0, before + parts, before, shift), before


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="the drift alarm on simulated streams")
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--parts", type=int, default=5000)
    parser.add_argument("--shifted", type=int, default=200, help="streams with a shift, of each kind")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    with Pool(chosen.processes) as pool:
        print(f"False alarms, delta = {DELTA}: {chosen.streams} streams of {chosen.parts} parts\n")
        print("| calibration scores | defects | streams that alarm | exact 95 % interval |\n|---|---|---|---|")
        for k, (normals, defects) in enumerate(itertools.product(NORMALS, DEFECTS)):
            jobs = [(10**6 * k + s, normals, defects, chosen.parts) for s in range(chosen.streams)]
            called = sum(pool.imap_unordered(_false, jobs, chunksize=20))
            low, high = binomial_interval(called, len(jobs))
            print(f"| {normals} | {defects:.0%} | {called / len(jobs):.2%} | {low:.2%} to {high:.2%} |", flush=True)
        print(f"\nParts until the alarm, {NORMALS[1]} calibration scores, {chosen.shifted} streams a row\n")
        print("| shift, standard deviations | parts before it | median | 90 % of streams within |\n|---|---|---|---|")
        for k, (shift, before) in enumerate(itertools.product(SHIFTS, BEFORE)):
            late = [(10**8 + 10**6 * k + s, NORMALS[1], before, shift, 5000) for s in range(chosen.shifted)]
            waits = [5001 if at is None else at - b for at, b in pool.imap_unordered(_late, late, chunksize=5)]
            waits = [wait for wait in waits if wait > 0]  # the false ones are counted above
            print(
                f"| {shift} | {before} | {statistics.median(waits):.0f} | {np.quantile(waits, 0.9):.0f} |", flush=True
            )
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
