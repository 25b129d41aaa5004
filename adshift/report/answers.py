"""What a reader came for: a sentence a detector on what the change does, and which repair is worth it."""

from __future__ import annotations

from adshift.metrics.balanced import BALANCED
from adshift.repairs.worth import Choice
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
    without = f"{_harm(setting, group)}, and {_promise(none, group)}"
    draws = "" if none.counted == "1" else f" ({none.counted} draws)"
    return (
        f"{setting.detector} under {setting.name}{draws}, {where(none.groups)}: {without}; {_repair(setting, group)}."
    )


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
        return f"the cheapest repair shown to help{_taken(setting, group, choice)}"
    if choice.nothing_to_do:
        return "no repair is called for, as neither a loss nor a broken promise is shown"
    balanced = setting.choice(group, BALANCED)
    if balanced.taken is not None:
        return (
            f"no repair is shown to help {NAMES[FIGURE]}, and the cheapest shown to help {NAMES[BALANCED]}"
            f"{_taken(setting, group, balanced)}"
        )
    return "no repair is shown to help"


def _taken(setting: Setting, group: str, choice: Choice) -> str:
    taken = choice.taken
    assert taken is not None
    price = [f"{gap(taken.gain)} points over none"]
    price += [] if taken.images is None else [f"{number(taken.images, 0)} target images"]
    price += [] if taken.seconds is None else [f"{number(taken.seconds)} s"]
    aside = f", apart from {' and '.join(choice.aside)}, not up to the best," if choice.aside else ""
    return f"{aside} is {taken.name}: {', '.join(price)}, and {_promise(setting.shifted[taken.name], group)}"


def _promise(draws: Draws, group: str) -> str:
    """What becomes of the promised false-alarm rate, by the exact intervals of the realised ones."""
    own = draws.of(group)
    rates = [own.of(category).promised() for category in own.cells]
    promised = [100 * rate for rate in rates if rate is not None]
    if len(promised) < len(rates):
        return "no false-alarm rate is promised"
    told = " to ".join(dict.fromkeys(f"{rate:.1f}" for rate in (min(promised), max(promised))))
    verdicts = [broken(draws, category) for category in own.cells]
    if None in verdicts:
        return f"the promise of {told} % false alarms is not tested, for want of good images"
    return f"the promise of {told} % false alarms {_verdict(draws, group, sum(map(bool, verdicts)), len(verdicts))}"


def _verdict(draws: Draws, group: str, guilty: int, categories: int) -> str:
    if group == MEAN:
        return f"is broken in {guilty} of {categories} categories" if guilty else "is not shown to be broken"
    realised = level(draws.groups[group], "false_alarm_rate")
    return f"is {'broken' if guilty else 'not shown to be broken'} ({realised} % realised)"
