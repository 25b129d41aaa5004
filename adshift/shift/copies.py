"""Simulated shifted copies: domains of the study's families whose seeds no target has."""

from __future__ import annotations

from collections.abc import Sequence

from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
from adshift.shift.names import FAMILIES

MAX_COPIES = 1000


def check_families(key: str, chosen: Sequence[str]) -> None:
    """Raise AdshiftError unless one or more families are chosen, each once; ``key`` is where."""
    known = isinstance(chosen, list | tuple) and all(c in FAMILIES for c in chosen)
    if not known or not chosen or len(set(chosen)) < len(chosen):
        raise AdshiftError(
            f"{key}={chosen} must be one or more of: {', '.join(FAMILIES)}; write {key}=[photometric,illumination]"
        )


def copy_seed(seed: int, copy: int) -> int:
    """The domain seed of one copy: below 0, where no target's lies; another for each ``seed`` and each ``copy``."""
    return -1 - (seed * MAX_COPIES + copy)


def simulated(
    copies: int, components: Sequence[str] = FAMILIES, severity: float = 1.0, seed: int = 0
) -> tuple[Domain, ...]:
    """The domains of ``copies`` shifted copies, in which the named families act."""
    geometric, illumination, photometric = (family in components for family in FAMILIES)
    return tuple(
        Domain(f"copy {i + 1}", geometric, illumination, photometric, severity, copy_seed(seed, i))
        for i in range(copies)
    )
