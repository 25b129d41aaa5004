"""Detectors and repairs over all categories and domains: the average relative drop, and mean ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from adshift.metrics.across import Average, mean_ranks, relative_drop
from adshift.metrics.summary import Figures
from adshift.report.document import Section
from adshift.report.draws import Draws, paired_draws, spread
from adshift.report.repairs import Setting, settings_of
from adshift.report.study import Study
from adshift.report.tables import MAIN, NAMES, NONE, Row, Table, grouped, signed
from adshift.shift.names import CLEAN

ALL = "all domains"
LEAST = 2
"""Places that a mean must be over to say more than their own tables."""
Pairs = list[tuple[Figures, Figures]]
Place = tuple[str, str]
"""Domain and category."""


def section(study: Study) -> Section | None:
    """Means over the places, which are pairs of a category and a domain at the usual severity; needs two of them."""
    settings = [s for s in settings_of(study) if s.severity == study.severity]
    tables = tuple(table for table in (_drops(settings), _ranks(study, settings)) if table.rows)
    if not tables:
        return None
    lead = "Each pair of a category and a domain is one place, and all count alike; draws of a shift are averaged."
    return Section("across", "Over categories and domains", lead, (), tables)


def _drops(settings: Sequence[Setting]) -> Table:
    """Each detector and regime in every domain, then over those that have more than one."""
    by_domain = {(s.detector, r, s.name): _with_clean(s, draws) for s in settings for r, draws in s.shifted.items()}
    by_domain = {key: pairs for key, pairs in by_domain.items() if pairs}
    together: dict[tuple[str, str], list[Pairs]] = {}
    for (detector, regime, _), pairs in by_domain.items():
        together.setdefault((detector, regime), []).append(pairs)
    several = {(d, r, ALL): list(chain.from_iterable(parts)) for (d, r), parts in together.items() if len(parts) > 1}
    rows = tuple(
        (domain, detector, regime, str(len(pairs)), *(_percent(relative_drop(pairs, n), len(pairs)) for n in MAIN))
        for (detector, regime, domain), pairs in (by_domain | several).items()
        if len(pairs) >= LEAST
    )
    caption = (
        "Average relative drop, (clean − shifted) / clean, in percent of the clean figure [paired 95 % interval]; below 0 "
        "where the shifted figure is the higher one."
    )
    header = ("domain", "detector", "regime", "places", *(NAMES[n] for n in MAIN))
    return Table("relative_drop", caption, header, grouped(rows, ALL), 4)


def _with_clean(setting: Setting, draws: Draws) -> Pairs:
    """The clean and the shifted figures of each category that has both on the same images."""
    if "none" not in setting.clean:
        return []
    clean, shifted = paired_draws(spread(setting.clean["none"], draws), draws)
    return [(clean.groups[category], shifted.groups[category]) for category in shifted.cells]


def _percent(mean: Average, places: int) -> str:
    if mean.value is None:
        return NONE
    value, *ends = (signed(100 * x).lstrip("+") for x in (mean.value, *(mean.interval or ())))
    text = f"{value} [{', '.join(ends)}]" if ends else value
    return text if mean.n == places else f"{text} over {mean.n}"


def _ranks(study: Study, settings: Sequence[Setting]) -> Table:
    """The detectors without repair, in the clean domain too; then the regimes of each detector."""
    own = {d: [s for s in settings if s.detector == d] for d in study.detectors}
    plain = {d: _clean(found) | _places(found, "none") for d, found in own.items()}
    rows = _ranked("detectors without repair", plain)
    for detector, found in own.items():
        regimes = {regime: _places(found, regime) for regime in study.regimes}
        rows += _ranked(f"regimes of {detector}", {regime: places for regime, places in regimes.items() if places})
    caption = (
        "Mean ranks over the places that all of those ranked have, on the same test images: 1 is the best, equal figures "
        "share a rank; no test goes with them."
    )
    header = ("ranked", "name", "places", *(NAMES[n] for n in MAIN))
    return Table("mean_ranks", caption, header, tuple(rows), 3)


def _places(settings: Sequence[Setting], regime: str) -> dict[Place, Draws]:
    return {
        (s.name, c): s.shifted[regime].of(c) for s in settings if regime in s.shifted for c in s.shifted[regime].cells
    }


def _clean(settings: Sequence[Setting]) -> dict[Place, Draws]:
    return {(CLEAN, c): s.clean["none"].of(c) for s in settings if "none" in s.clean for c in s.clean["none"].cells}


def _ranked(title: str, competing: Mapping[str, Mapping[Place, Draws]]) -> list[Row]:
    """A row each; none where there is one alone, or where they have fewer than ``LEAST`` places in common."""
    if len(competing) < 2:
        return []
    first, *others = competing.values()
    common = [place for place in first if all(place in other for other in others)]
    paired = [paired_draws(*(places[place] for places in competing.values())) for place in common]
    figures = [[next(iter(draws.groups.values())) for draws in found] for found in paired if all(found)]
    if len(figures) < LEAST:
        return []
    ranks = {n: _mean_ranks([[each.point(n) for each in place] for place in figures]) for n in MAIN}
    return [(title, name, str(len(figures)), *(ranks[n][i] for n in MAIN)) for i, name in enumerate(competing)]


def _mean_ranks(values_NK: Sequence[Sequence[float | None]]) -> Row:
    """One text each; over fewer places where a figure is undefined in some."""
    known = [[value for value in row if value is not None] for row in values_NK if None not in row]
    if not known:
        return (NONE,) * len(values_NK[0])
    fewer = "" if len(known) == len(values_NK) else f" over {len(known)}"
    return tuple(f"{rank:.2f}{fewer}" for rank in mean_ranks(known))
