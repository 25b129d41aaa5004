"""The study's domains by name: its families of shift, alone and together, and the corruptions."""

from __future__ import annotations

from adshift.shift.corruptions import CORRUPTIONS
from adshift.shift.domain import Domain
from adshift.shift.names import FAMILIES

ACTING = {"shift": FAMILIES, **{family: (family,) for family in FAMILIES}}
"""The study's domains: which families act."""
NAMES = (*sorted(ACTING), *CORRUPTIONS)


def named_domain(name: str, severity: float, seed: int) -> Domain:
    """The domain that ``domain=NAME`` composes."""
    if name in CORRUPTIONS:
        return Domain(name, severity=severity, seed=seed, corruption=name)
    geometric, illumination, photometric = (family in ACTING[name] for family in FAMILIES)
    return Domain(name, geometric, illumination, photometric, severity, seed)
