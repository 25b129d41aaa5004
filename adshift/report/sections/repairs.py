"""Which repair is worth it: what each wins back against the target images and the time that it needs."""

from __future__ import annotations

from collections.abc import Mapping

from adshift.report.comparisons import Compared, explained, titles, written
from adshift.report.document import Plot, Section
from adshift.report.draws import Draws
from adshift.report.findings import about
from adshift.report.plots.whiskers import Mark, whiskers
from adshift.report.repairs import ASKED, Setting, any_broken, promise_kept, settings_of
from adshift.report.runs import REGIMES, regime_order
from adshift.report.study import MEAN, Study
from adshift.report.tables import NAMES, NONE, Row, Table, gap, grouped, level, number, recovered
from adshift.shift.names import CLEAN

SHOWN = ("image_auroc", "pixel_auroc", "pro_030", "recall", "false_alarm_rate")
COSTS = ("target_images", "simulated_images", "seconds")
MARKS = 7
"""Series that a plot can tell apart; with more categories it shows their mean alone."""


def section(study: Study) -> Section | None:
    """Every repair of every shifted domain; needs a regime beyond the study's three."""
    settings = [s for s in settings_of(study) if set(s.shifted) - set(REGIMES)]
    if not settings:
        return None
    told = [(group != MEAN, _said(setting, group)) for setting in settings for group in setting.groups]
    told.sort(key=lambda line: line[0])
    lost = dict.fromkeys(line for setting in settings for line in _lost(setting))  # one domain or several: once
    plots = tuple(plot for i, setting in enumerate(settings) for plot in _plots(i, setting))
    lead = (
        "A repair is recommended only where the paired 95 % interval of its difference to no repair lies above 0: of "
        "those the cheapest (target images, then seconds) that is not shown to be worse than the best. Where there is "
        "none, there is nothing to do if no loss from clean and no broken promise is shown; otherwise it cannot be told. A "
        "repair that ranks images well may still break the false-alarm rate that its threshold promises."
    )
    tables = tuple(t for t in (_choice(settings), _levels(settings), _on_clean(settings)) if t.rows)
    return Section("repairs", "Which repair is worth it", lead, (*(line for _, line in told), *lost), tables, plots)


def _costs(draws: Draws) -> Row:
    found = [draws.cost(name) for name in COSTS]
    return number(found[0], 0), number(found[1], 0), number(found[2])


def _levels(settings: list[Setting]) -> Table:
    rows: list[Row] = []
    for setting in settings:
        conditions = {CLEAN: setting.clean["none"]} if "none" in setting.clean else {}
        conditions |= {f"{setting.name}, {r}": draws for r, draws in setting.shifted.items()}
        conditions |= {f"{CLEAN}, {r}": draws for r, draws in setting.clean.items() if r != "none"}
        reference = setting.shifted.get("none") or next(iter(setting.shifted.values()))
        for condition, draws in conditions.items():
            for group, figures in draws.groups.items():
                if group == MEAN and set(draws.cells) != set(reference.cells):
                    continue
                own = draws.of(group)
                promised = own.promised()
                rows.append((group, setting.detector, condition, *(level(figures, n) for n in SHOWN),
                             NONE if promised is None else f"{100 * promised:.1f}", *_costs(own), own.counted))  # fmt: skip
    header = ("category", "detector", "condition", *(NAMES[n] for n in SHOWN), "promised", "target images",
              "simulated images", "seconds", "draws")  # fmt: skip
    caption = (
        "Repairs: mean over the draws of the shift, percent [95 % interval over test images]; false alarms of a category "
        "with the exact interval for its normal test images, as if further draws told nothing, and of the mean with the "
        "mean of these ends; promised: the rate that the threshold promises. “clean, X” is what repair X makes of "
        "unshifted images. Target images, simulated images and seconds: of one category, beyond a clean fit."
    )
    return Table("repairs", caption, header, grouped(list(dict.fromkeys(rows))), 3)


def _choice(settings: list[Setting]) -> Table:
    rows: list[Compared] = []
    for s in settings:
        for group in s.groups:
            taken = {n: s.choice(group, n).taken for n in ASKED}
            for r in s.repairs:
                if group in s.gains[r]:
                    shares = s.shares.get(r, {}).get(group, {})
                    pairs = (x for n in ASKED for x in (s.gains[r][group][n], recovered(shares.get(n))))
                    images, _, seconds = _costs(s.shifted[r].of(group))
                    chosen = ", ".join(NAMES[n] for n, c in taken.items() if c is not None and c.name == r)
                    rows.append((group, s.detector, s.name, r, *pairs, images, seconds,
                                 promise_kept(s.shifted[r], group), chosen or NONE))  # fmt: skip
    header = ("category", "detector", "domain", "repair",
              *(t for n in ASKED for t in (*titles(NAMES[n]), f"{NAMES[n]}, share")),
              "target images", "seconds", "promise", "recommended for")  # fmt: skip
    caption = (
        f"Repairs, the cheapest first: repair − none in points, {explained(rows)}; the share of the drop from clean that "
        "it recovers in percent, (repair − none) / (clean − none) [paired 95 % interval]; – where no drop is shown. "
        "Promise: of the false-alarm rate, broken where the exact interval of the realised one lies above it. Target "
        "images as the runs declare them; for test_time they are the test images themselves."
    )
    return Table("repair_choice", caption, header, written(grouped(rows)), 4)


def _on_clean(settings: list[Setting]) -> Table:
    lost = {(s.detector, r): s.lost(r) for s in settings for r in s.clean if r != "none"}
    rows: list[Compared] = [
        (group, detector, regime, *(found[n] for n in ASKED))
        for (detector, regime), by_group in lost.items()
        for group, found in by_group.items()
    ]
    caption = (
        "What a repair does to images that did not shift: repair − plain model on the same clean images, points [paired "
        f"95 % interval], {explained(rows)}."
    )
    header = ("category", "detector", "repair", *titles(*(NAMES[n] for n in ASKED)))
    return Table("repairs_on_clean", caption, header, written(grouped(rows)), 3)


def _said(setting: Setting, group: str) -> str:
    """What to take, for each figure, and which regimes break their promise."""
    place = f"mean of {len(setting.shifted['none'].cells)} categories" if group == MEAN else group
    parts = "; ".join(_advice(setting, group, figure) for figure in ASKED)
    guilty = [_rates(r, draws, group) for r, draws in setting.shifted.items()
              if group in draws.groups and any_broken(draws, group)]  # fmt: skip
    promise = f" The false-alarm promise is broken by {', '.join(guilty)}." if guilty else ""
    return f"{setting.detector}, {place} under {setting.name}: {parts}.{promise}"


def _rates(regime: str, draws: Draws, group: str) -> str:
    """A regime with its realised and its promised rate, or in how many categories it breaks the promise."""
    if group == MEAN:
        return f"{regime} ({promise_kept(draws, group).removeprefix('broken ')})"
    realised = level(draws.groups[group], "false_alarm_rate")
    return f"{regime} ({realised} % realised, {100 * (draws.of(group).promised() or 0.0):.1f} % promised)"


def _advice(setting: Setting, group: str, figure: str) -> str:
    choice, name = setting.choice(group, figure), NAMES[figure]
    taken, best = choice.taken, choice.best
    harm = f" ({', '.join(choice.worse)} shown to be worse than none)" if choice.worse else ""
    if choice.nothing_to_do:
        return f"for {name} there is nothing to do, as no loss and no broken false-alarm promise is shown{harm}"
    if taken is None or best is None:
        return f"for {name} it cannot be told, as no repair is shown to be better than none{harm}"
    share = setting.shares.get(taken.name, {}).get(group, {}).get(figure)
    won = f", {recovered(share)} % of the drop" if share is not None and share.value is not None else ""
    text = (
        f"for {name} take {taken.name} ({gap(taken.gain)} points over none{won}, {number(taken.images, 0)} target images, "
        f"{number(taken.seconds)} s)"
    )
    if taken.broken:
        text += ", though it breaks its false-alarm promise"
    if best is not taken:
        text += f", as {best.name}, the best by its estimate, is not shown to be better"
    return text + harm


def _lost(setting: Setting) -> list[str]:
    """A sentence a repair on what it does to clean images."""
    regimes = sorted((r for r in setting.clean if r != "none"), key=regime_order)
    found = (about(f"{setting.detector} on clean images, {r} instead of none", ASKED, setting.lost(r)) for r in regimes)
    return [line for line in found if line]


def _plots(place: int, setting: Setting) -> tuple[Plot, ...]:
    """The recovered shares as dots with whiskers, the repairs from the cheapest to the dearest."""
    groups = setting.groups if len(setting.groups) <= MARKS else [MEAN]
    known = [g for g in groups if any(_mark(setting, r, g, n) for r in setting.repairs for n in ASKED)]
    names = {r: _costed(r, setting.shifted[r], known) for r in setting.repairs}
    panels: dict[str, Mapping[str, Mapping[str, Mark]]] = {
        NAMES[n]: {g: {names[r]: mark for r in names if (mark := _mark(setting, r, g, n))} for g in known}
        for n in ASKED
    }
    panels = {title: {g: m for g, m in panel.items() if m} for title, panel in panels.items()}
    panels = {title: panel for title, panel in panels.items() if panel}
    if not panels:
        return ()
    plot = Plot(
        f"repairs_{place}",
        f"{setting.detector} under {setting.name}: share of the drop from clean that each repair recovers [paired 95 % "
        "interval], the cheapest repair on top; 0 is no repair, 100 the clean figure.",
        f"Dot plot of the recovered share in {' and '.join(panels)} by repair; the values are in the table of repairs.",
        lambda: whiskers(panels, "share of the drop (%)", zero=True, columns=2),
    )
    return (plot,)


def _costed(regime: str, draws: Draws, groups: list[str]) -> str:
    """A repair with its cost: of the one category that a plot shows, or of the mean of all."""
    images, _, seconds = _costs(draws.of(groups[0]) if len(groups) == 1 and groups[0] in draws.groups else draws)
    return f"{regime}: {images} images, {seconds} s"


def _mark(setting: Setting, regime: str, group: str, figure: str) -> Mark | None:
    share = setting.shares.get(regime, {}).get(group, {}).get(figure)
    if share is None or share.value is None:
        return None
    low, high = (None, None) if share.interval is None else (100 * share.interval[0], 100 * share.interval[1])
    return Mark(100 * share.value, low, high)
