"""The ways in which a few pictures may extend a fitted model, of which the evidence chooses one."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Extension:
    """One way; the keys are those of ``FewImages``.

    Attributes:
        copies: simulated shifted versions of each picture that join in.
        ratio: share of the patches of a picture that joins a memory bank.
        align: how a memory bank is brought to the pictures' statistics first.
        weight: of the pictures' statistics against the fit's.
        keep: share of the fitted memory bank that stays, the first of its greedy order: a coreset of that size.
    """

    copies: int = 0
    ratio: float = 0.1
    align: str = "none"
    weight: float = 0.25
    keep: float = 1.0

    def told(self, bank: bool) -> dict[str, Any]:
        """What acts on a model with a memory bank, or on one without; the rest is left out."""
        weighs = not bank or self.align != "none"
        acting = {"copies": True, "ratio": bank, "align": bank, "weight": weighs, "keep": bank}
        return {name: getattr(self, name) for name, acts in acting.items() if acts}


BANK = (
    Extension(),
    Extension(ratio=1.0),
    Extension(ratio=1.0, keep=0.25),
    Extension(align="moments", weight=1.0, keep=0.25),
    Extension(copies=4),
)
"""For a memory bank, the customary one first."""
STATISTICS = (Extension(weight=0.25), Extension(weight=0.5), Extension(weight=0.75), Extension(weight=1.0))
"""For Gaussians, in the same order."""
KEYS = tuple(field.name for field in fields(Extension))


def extensions(given: dict[str, Any], bank: bool) -> tuple[Extension, ...]:
    """What may be chosen, each once, the customary one first: one where nothing is left to choose.

    Args:
        given: the keys with a value of their own, which every extension has then.
        bank: whether the model has a memory bank.
    """
    acting = given if bank else {key: value for key, value in given.items() if key in ("copies", "weight")}
    found: dict[tuple[tuple[str, Any], ...], Extension] = {}
    for extension in (replace(one, **acting) for one in (BANK if bank else STATISTICS)):
        found.setdefault(tuple(extension.told(bank).items()), extension)
    return tuple(found.values())
