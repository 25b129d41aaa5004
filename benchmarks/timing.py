"""Repeated, alternating timings, how cost grows with size, and the peak memory of this process."""

import math
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def seconds_of(action: Callable[[], Any]) -> float:
    """Seconds that one call takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def alternating(sides: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median seconds of each side; they take turns, so that what disturbs one disturbs the other. One warm-up each."""
    laps: dict[str, list[float]] = {name: [] for name in sides}
    for action in sides.values():
        action()
    for _ in range(repeats):
        for name, action in sides.items():
            laps[name].append(seconds_of(action))
    return {name: statistics.median(found) for name, found in laps.items()}


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The exponent p of cost ~ size^p: least squares of log seconds on log sizes."""
    x, y = [math.log(size) for size in sizes], [math.log(second) for second in seconds]
    x0, y0 = statistics.fmean(x), statistics.fmean(y)
    return sum((a - x0) * (b - y0) for a, b in zip(x, y, strict=True)) / sum((a - x0) ** 2 for a in x)


def peak_rss_mb() -> float:
    """Peak resident set of this process, MB (1e6 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (peak if sys.platform == "darwin" else peak * 1024) / 1e6
