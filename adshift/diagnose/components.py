"""Which part of a shift causes the loss: its families switched one by one on a fitted model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from adshift.metrics.comparison import compare
from adshift.metrics.resampling import Difference, paired_difference
from adshift.metrics.summary import Figures
from adshift.shift.domain import Domain
from adshift.shift.names import CLEAN, FAMILIES

FIGURES = ("image_auroc", "pixel_auroc", "pro_030")
WHOLE = "whole"
FILLED, SHARPER = "geometric, border filled with background", "geometric, sharper resampling"
IGNORED = "geometric, zone beyond the frame ignored"
"""Not another domain: the geometric family's maps without that zone, and their maximum as the image score."""


def variants(domain: Domain) -> dict[str, Domain]:
    """Clean, the whole domain, each family alone, the domain without each family, and the geometric family without the
    study's two artefacts (mirrored border, bilinear resampling). What would repeat another is left out.

    Each image's draw is the same in all of them: a family acts as it does in the whole.
    """
    acting = [family for family in FAMILIES if getattr(domain, family)]
    found = {CLEAN: Domain(), WHOLE: domain}
    if len(acting) > 1:
        for family in acting:
            found[f"{family} alone"] = _only(domain, family, {family})
        for family in acting:
            found[f"without {family}"] = _only(domain, f"without {family}", {*acting} - {family})
    if "geometric" in acting:
        alone = _only(domain, "geometric", {"geometric"})
        found[FILLED] = replace(alone, border="background")
        found[SHARPER] = replace(alone, resampling="lanczos")
    return found


def _only(domain: Domain, name: str, families: set[str]) -> Domain:
    geometric, illumination, photometric = (family in families for family in FAMILIES)
    return replace(domain, name=name, geometric=geometric, illumination=illumination, photometric=photometric)


@dataclass(frozen=True)
class Loss:
    """One variant's figures, and how far each is from the clean one's (bootstrap over the test images)."""

    name: str
    values: dict[str, float | None]
    change: dict[str, Difference]


def losses(figures: Mapping[str, Figures], paired: bool = True) -> list[Loss]:
    """A row a variant, in order.

    Args:
        figures: by the names of ``variants``, clean first.
        paired: whether all are of the same images; else resampled independently of each other.
    """
    clean = figures[CLEAN]
    return [
        Loss(
            name,
            {figure: found.point(figure) for figure in FIGURES},
            compare(found, clean, FIGURES) if paired else _apart(found, clean),
        )
        for name, found in figures.items()
    ]


def _apart(a: Figures, b: Figures) -> dict[str, Difference]:
    """a - b of two sets of images: the difference of independent replicates."""
    none = np.array([])
    return {
        name: paired_difference(
            a.point(name), b.point(name), a.replicates.get(name, none), b.replicates.get(name, none)
        )
        for name in FIGURES
    }


def culprit(rows: list[Loss], figure: str = "image_auroc") -> str | None:
    """The family that, alone, lowers a figure most, where the interval of its change lies below 0; else None."""
    found: list[tuple[float, str]] = []
    for row in rows:
        change = row.change[figure]
        if row.name.endswith(" alone") and change.below and change.estimate is not None:
            found.append((change.estimate, row.name.removesuffix(" alone")))
    return min(found)[1] if found else None
