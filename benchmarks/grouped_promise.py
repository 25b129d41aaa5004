"""What a threshold keeps of its promise where pictures come in groups: the plain rule beside the grouped one, simulated.

    python benchmarks/grouped_promise.py                # 4,000 calibration samples a row: about 3 minutes on a core
    python benchmarks/grouped_promise.py --samples 400  # a look

A score is normal, the sum of its group's part and its own; ``correlation`` is the share of the variance that its group has.
The rate that a threshold keeps, for a picture of a new group, is then known without drawing one. Printed are the mean rates
over the samples with their 95 % intervals (normal approximation), beside what each rule promised on average: 5 %, or what
the number of its pictures or groups can promise. "one a group" is the plain rule on one picture of each.
"""

from __future__ import annotations

import argparse
import itertools
import math

import numpy as np

from adshift.calibration.calibration import Calibration
from adshift.calibration.conformal import Conformal

SIZES = (1, 5, 20)
CORRELATIONS = (0.0, 0.5, 0.9)
PICTURES = (20, 40, 100, 200, 400)


def kept(calibration: Calibration) -> float:
    """The false-alarm rate of a threshold for standard normal scores."""
    return 0.5 * math.erfc(calibration.threshold / math.sqrt(2))


def calibrations(rng: np.random.Generator, pictures: int, size: int, correlation: float) -> tuple[Calibration, ...]:
    """The plain threshold, the grouped one, and the plain one on one picture a group, of one drawn sample."""
    group_N = np.arange(pictures) // size
    count = group_N[-1] + 1
    shared_K, own_N = rng.normal(size=count), rng.normal(size=pictures)
    score_N = math.sqrt(correlation) * shared_K[group_N] + math.sqrt(1 - correlation) * own_N
    good_N, rule = np.zeros(pictures, np.int64), Conformal(0.05)
    first_K = np.unique(group_N, return_index=True)[1]
    return (
        rule.calibrate(score_N, good_N),
        rule.calibrate(score_N, good_N, group_N),
        rule.calibrate(score_N[first_K], good_N[first_K]),
    )


def told(found: list[Calibration]) -> str:
    """``4.9 % [4.8, 5.0] of 5.0 %``, marked where the interval lies above what was promised."""
    rate_S = np.array([kept(c) for c in found])
    promised = float(np.mean([c.promised_rate for c in found]))
    half = 1.96 * rate_S.std(ddof=1) / math.sqrt(len(rate_S))
    low, mean, high = 100 * (rate_S.mean() - half), 100 * rate_S.mean(), 100 * (rate_S.mean() + half)
    mark = " **over**" if low > 100 * promised else ""
    return f"{mean:.2f} [{low:.2f}, {high:.2f}] of {100 * promised:.1f}{mark}"


def main() -> None:
    """One table, in percent."""
    parser = argparse.ArgumentParser(description="realised over promised false-alarm rates, pictures in groups")
    parser.add_argument("--samples", type=int, default=4000)
    chosen = parser.parse_args()
    print(
        "| pictures | a group | correlation | every picture counts | grouped | one a group |\n|---|---|---|---|---|---|"
    )
    for k, (pictures, size, correlation) in enumerate(itertools.product(PICTURES, SIZES, CORRELATIONS)):
        if pictures < 2 * size:
            continue
        rng = np.random.default_rng(k)
        rows = [calibrations(rng, pictures, size, correlation) for _ in range(chosen.samples)]
        cells = " | ".join(told([row[i] for row in rows]) for i in range(3))
        print(f"| {pictures} | {size} | {correlation:g} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
