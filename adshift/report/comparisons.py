"""Paired differences in a table: each with its p-value and the one by Holm's correction over all of that table."""

from __future__ import annotations

from collections.abc import Sequence

from adshift.metrics.multiple import holm
from adshift.metrics.resampling import Difference
from adshift.report.tables import NONE, Row, gap

P_TITLES = ("p", "p (Holm)")
UNDEFINED = Difference(None, None, None)
"""Where a row has nothing to be compared with."""
LEVEL = 0.05
Compared = Sequence[str | Difference]
"""A row before its differences are written out."""


def titles(*figures: str) -> Row:
    """What stands above each figure's difference once it is written out: three columns a figure."""
    return tuple(title for figure in figures for title in (figure, *(f"{figure}, {p}" for p in P_TITLES)))


def written(rows: Sequence[Compared]) -> tuple[Row, ...]:
    """The rows as text: a difference in points with its interval, its p, and p corrected over all rows."""
    told = iter(p_values(_differences(rows)))
    return tuple(
        tuple(text for item in row for text in ((gap(item), *next(told)) if isinstance(item, Difference) else (item,)))
        for row in rows
    )


def p_values(found: Sequence[Difference], missing: str = NONE) -> list[Row]:
    """The p of each difference and the one by Holm's correction over all of them, as text, in the given order."""
    corrected = iter(holm([d.p_value for d in found if d.p_value is not None]))
    return [(missing, missing) if d.p_value is None else (f"{d.p_value:.3f}", f"{next(corrected):.3f}") for d in found]


def explained(rows: Sequence[Compared]) -> str:
    """What p and p (Holm) of these rows are, for the table's caption."""
    return f"two-sided p of the paired bootstrap, and p by Holm's correction over {family(_differences(rows))}"


def family(found: Sequence[Difference]) -> str:
    """What a table's p are corrected over, and how small they can be where that is too large to show anything.

    A bootstrap of B resamples knows no p below 2 / (B + 1), which the correction takes as often as there are comparisons.
    """
    known = [d for d in found if d.p_value is not None]
    counted = f"the {len(known)} comparison{'s' * (len(known) != 1)} of this table"
    least = len(known) * max((d.least_p for d in known), default=0.0)
    if least <= LEVEL:
        return counted
    return f"{counted} (never below {min(1.0, least):.3f} with {min(d.resamples for d in known)} resamples)"


def _differences(rows: Sequence[Compared]) -> list[Difference]:
    return [item for row in rows for item in row if isinstance(item, Difference)]
