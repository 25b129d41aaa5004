"""What a reader came for: a sentence a detector on what the change does, and which repair is worth it."""

from __future__ import annotations

from adshift.metrics.balanced import BALANCED
from adshift.report.draws import Draws
from adshift.report.findings import change, main_group, where
from adshift.report.repairs import Setting, broken, settings_of
from adshift.report.study import MEAN, Study
from adshift.report.tables import NAMES, gap, level, number
from adshift.shift.names import CLEAN

FIGURE = "image_auroc"


def answers(study: Study) -> tuple[str, ...]:
    """A sentence a detector, under the study's main domain at its usual severity."""
    main = (study.main_domain, study.severity)
    settings = {s.detector: s for s in settings_of(study) if (s.domain, s.severity) == main and "none" in s.shifted}
    return tuple(_under_shift(settings[d]) if d in settings else _unshifted(study, d) for d in study.detectors)


def _under_shift(setting: Setting) -> str:
    none = setting.shifted["none"]
    group = main_group(none.groups)
    parts = (_harm(setting, group), f"without repair it {_promise(none, group)}", _repair(setting, group))
    return f"{setting.detector} under {setting.name}, {where(none.groups)}: {'; '.join(parts)}."


def _unshifted(study: Study, detector: str) -> str:
    missing = f"without repair under {study.main_domain}" if study.main_domain else "under any change"
    clean = study.series(detector, CLEAN).groups
    if not clean:
        return f"{detector}: no model of a single category was tested {missing}, so that the change cannot be judged."
    figure = f"{NAMES[FIGURE]} is {level(clean[main_group(clean)], FIGURE)} % on clean images"
    return f"{detector}, {where(clean)}: {figure}; it was not tested {missing}."


def _harm(setting: Setting, group: str) -> str:
    loss = setting.losses.get(group, {}).get(FIGURE)
    if loss is None:
        return "what the change costs is not known without plain clean runs on the same images"
    return change(FIGURE, -loss) or f"{NAMES[FIGURE]} is undefined"


def _repair(setting: Setting, group: str) -> str:
    """The choice for image AUROC; where that leaves a loss or a broken promise unrepaired, for balanced accuracy."""
    if not any(group in gains for gains in setting.gains.values()):
        return "no repair was tried on the same images"
    choice = setting.choice(group, FIGURE)
    if choice.taken is not None:
        return _taken(setting, group, FIGURE)
    if choice.nothing_to_do:
        return "no repair is called for, as neither a loss nor a broken promise is shown"
    if setting.choice(group, BALANCED).taken is not None:
        return f"no repair is shown to help {NAMES[FIGURE]}, and {_taken(setting, group, BALANCED)}"
    return "no repair is shown to help"


def _taken(setting: Setting, group: str, figure: str) -> str:
    taken = setting.choice(group, figure).taken
    assert taken is not None
    price = [f"{gap(taken.gain)} points over none"]
    price += [] if taken.images is None else [f"{number(taken.images, 0)} target images"]
    price += [] if taken.seconds is None else [f"{number(taken.seconds)} s"]
    return (
        f"the cheapest repair that is shown to help {NAMES[figure]} and not shown to be worse than the best is "
        f"{taken.name} ({', '.join(price)}), which {_promise(setting.shifted[taken.name], group)}"
    )


def _promise(draws: Draws, group: str) -> str:
    """What becomes of the promised false-alarm rate, by the exact intervals of the realised ones."""
    if any(draws.of(category).promised() is None for category in draws.of(group).cells):
        return "promises no false-alarm rate"
    verdicts = [broken(draws, category) for category in draws.of(group).cells]
    if None in verdicts:
        return "was not held to its false-alarm promise, for want of good test images"
    if group == MEAN:
        n = sum(map(bool, verdicts))
        told = f"breaks it in {n}" if n else "is not shown to break it in any"
        return f"promises {_rates(draws)} % false alarms and {told} of {len(verdicts)} categories"
    told = "breaks" if verdicts[0] else "is not shown to break"
    realised = level(draws.groups[group], "false_alarm_rate")
    return f"{told} its promise of {_rates(draws)} % false alarms ({realised} % realised)"


def _rates(draws: Draws) -> str:
    """The promised rates in percent: one, or the lowest and the highest."""
    rates = [100 * (draws.of(category).promised() or 0.0) for category in draws.cells]
    ends = dict.fromkeys(f"{rate:.1f}" for rate in (min(rates), max(rates)))
    return " to ".join(ends)
