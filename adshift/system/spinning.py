"""How long torch's threads spin while they wait for one another, before they sleep; GNU's OpenMP reads it as torch loads.

By default they spin for about a millisecond, which takes the processor from whoever has work, this program's own other
thread too. Where others work, threads that sleep soon score an image in 0.5 to 0.6 of the time; where nobody does, in 1.08
of it (docs/performance.md).
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")
SPINS = "GOMP_SPINCOUNT"
CHOSEN_BY_USER = (SPINS, "OMP_WAIT_POLICY")
FEW = "1000"
BUSY = 0.25


@dataclass(frozen=True)
class ProcessorUse:
    """What the machine's processors had done by some moment.

    Attributes:
        busy_s, idle_s: seconds of all processors since the machine's start.
        own_s: those that this process took of ``busy_s``.
    """

    busy_s: float
    idle_s: float
    own_s: float

    @classmethod
    def now(cls) -> ProcessorUse | None:
        """None where the system does not tell."""
        try:
            numbers = STAT.read_text(encoding="ascii").splitlines()[0].split()[1:9]
            user, nice, system, idle, iowait, irq, softirq, steal = (int(number) for number in numbers)
            tick_s = 1 / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            return None
        used = os.times()
        busy = user + nice + system + irq + softirq + steal
        return cls(busy * tick_s, (idle + iowait) * tick_s, used.user + used.system)

    def others_since(self, start: ProcessorUse) -> float:
        """The share of all processors that other processes kept busy since an earlier moment, 0 to 1."""
        busy, idle = self.busy_s - start.busy_s, self.idle_s - start.idle_s
        return max(0.0, busy - (self.own_s - start.own_s)) / max(busy + idle, 1e-9)


def spin_little() -> bool:
    """Have torch's threads sleep soon when they wait; returns whether it is so.

    For programs, before torch is loaded: it holds for the whole process and for what it starts. Who has set one of
    ``CHOSEN_BY_USER`` keeps it. It changes no result.
    """
    if "torch" in sys.modules or any(name in os.environ for name in CHOSEN_BY_USER):
        return False
    os.environ[SPINS] = FEW
    return True


def spin_little_among_others(start: ProcessorUse | None) -> bool:
    """The same where other processes kept a quarter of the processors busy since ``start``; returns whether it is so."""
    now = None if start is None else ProcessorUse.now()
    if start is None or now is None or now.others_since(start) < BUSY:
        return False
    return spin_little()
