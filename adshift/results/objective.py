"""The one figure of a run that its program returns, for sweepers that look for the best, such as Hydra's Optuna sweeper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adshift.errors import AdshiftError
from adshift.metrics.summary import FIGURES

MACRO, POOLED = "macro", "pooled"
DEFAULT = f"{MACRO}.image_auroc"


@dataclass(frozen=True)
class Objective:
    """A figure of a group.

    Attributes:
        group: ``macro``, ``pooled``, or a category.
        figure: one of ``FIGURES``.
    """

    group: str
    figure: str

    @classmethod
    def named(cls, name: object, categories: Sequence[str]) -> Objective:
        """Of ``GROUP.FIGURE``.

        Raises:
            AdshiftError: there is no such figure, or no such group in a run of these categories.
        """
        group, _, figure = str(name).rpartition(".")
        groups = (MACRO, *([POOLED] if len(categories) > 1 else []), *categories)
        if figure not in FIGURES:
            raise AdshiftError(
                f"objective={name} ends in no figure; give GROUP.FIGURE with one of: {', '.join(FIGURES)}"
            )
        if group not in groups:
            raise AdshiftError(f"objective={name} is of no group of this run; its groups are: {', '.join(groups)}")
        return cls(group, figure)

    def of(self, metrics: Mapping[str, Any]) -> float:
        """The figure in result.json's ``metrics``; not a number where it is undefined."""
        values = metrics[self.group] if self.group in (MACRO, POOLED) else metrics["categories"][self.group]
        value = values.get(self.figure)
        return math.nan if value is None else float(value)
