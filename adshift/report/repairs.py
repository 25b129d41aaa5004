"""A detector under a shift with all the repairs that it was given: their gains, recovered shares and promises."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from adshift.metrics.resampling import Difference, Share
from adshift.repairs.worth import Candidate, Choice, choose, cost, promise_broken
from adshift.report.draws import EXACT, Draws, clean_of, paired_draws, regimes_of, spread
from adshift.report.runs import REGIMES
from adshift.report.study import MEAN, Study, differences, recoveries
from adshift.report.tables import NONE
from adshift.shift.names import CLEAN

ASKED = ("image_auroc", "pro_030")
"""The figures that a repair is chosen by: does it tell good parts from bad ones, does it find the place."""


@dataclass(frozen=True)
class Setting:
    """A detector under one shifted domain: its regimes there, and what each makes of the clean domain.

    Attributes:
        name: the domain, with the severity where the study has several: ``shift``, ``shift 1.5``.
    """

    detector: str
    domain: str
    severity: float
    name: str
    shifted: dict[str, Draws]
    clean: dict[str, Draws]

    @property
    def repairs(self) -> list[str]:
        """The regimes other than ``none``, the cheapest first."""
        return sorted((r for r in self.shifted if r != "none"), key=lambda r: cost(*_costs(self.shifted[r])))

    @cached_property
    def gains(self) -> dict[str, dict[str, dict[str, Difference]]]:
        """Repair -> group -> figure: repair - none."""
        return {r: self.gap(r, "none") for r in self.repairs}

    @cached_property
    def losses(self) -> dict[str, dict[str, Difference]]:
        """Group -> figure: clean - none; nothing without the plain clean runs."""
        none, clean = self.shifted.get("none"), self.clean.get("none")
        if none is None or clean is None:
            return {}
        first, second = paired_draws(spread(clean, none), none)
        found = differences(first.groups, second.groups)
        return {group: d for group, d in found.items() if self._whole(group, second)}

    @cached_property
    def shares(self) -> dict[str, dict[str, dict[str, Share]]]:
        """Repair -> group -> figure: share of the drop recovered; nothing without the plain clean runs."""
        none, clean = self.shifted.get("none"), self.clean.get("none")
        found = {}
        for r in self.repairs if none and clean else ():
            assert none is not None
            assert clean is not None
            three = paired_draws(self.shifted[r], none, spread(clean, none))
            kept = recoveries(three[0].groups, three[1].groups, three[2].groups, ASKED)
            found[r] = {group: by_name for group, by_name in kept.items() if self._whole(group, three[0])}
        return found

    def gap(self, a: str, b: str) -> dict[str, dict[str, Difference]]:
        """Regime a - regime b under the shift; the mean only over all the categories that ``none`` has."""
        if b not in self.shifted:
            return {}
        first, second = paired_draws(self.shifted[a], self.shifted[b])
        found = differences(first.groups, second.groups)
        return {group: d for group, d in found.items() if self._whole(group, first)}

    def lost(self, regime: str) -> dict[str, dict[str, Difference]]:
        """Regime - plain model, both on clean images."""
        if "none" not in self.clean:
            return {}
        first, second = paired_draws(self.clean[regime], self.clean["none"])
        return differences(first.groups, second.groups)

    def choice(self, group: str, figure: str) -> Choice:
        """What to take in this group for this figure."""
        return choose(
            [self._candidate(r, group, figure) for r in self.repairs if group in self.gains[r]],
            lambda a, b: self.gap(a, b).get(group, {}).get(figure),
            self.losses.get(group, {}).get(figure),
            any_broken(self.shifted["none"], group),
        )

    @property
    def groups(self) -> list[str]:
        """The groups in which anything can be compared with ``none``; the mean first."""
        found = dict.fromkeys(g for gains in self.gains.values() for g in gains)
        return sorted(found, key=lambda g: g != MEAN)

    def _whole(self, group: str, draws: Draws) -> bool:
        return group != MEAN or set(draws.cells) == set(self.shifted["none"].cells)

    def _candidate(self, repair: str, group: str, figure: str) -> Candidate:
        draws, gain = self.shifted[repair], self.gains[repair][group][figure]
        return Candidate(repair, *_costs(draws.of(group)), gain, any_broken(draws, group))


def _costs(draws: Draws) -> tuple[float | None, float | None]:
    return draws.cost("target_images"), draws.cost("seconds")


def settings_of(study: Study) -> list[Setting]:
    """A setting a detector, domain and severity, the main domain first.

    All are under one threshold rule: that of most cells with a regime beyond the study's, without such cells the study's.
    """
    cells = [c for c in study.cells if c.domain != CLEAN and not c.unified]
    rules = Counter(c.threshold for c in cells if c.adaptation not in REGIMES)
    threshold = rules.most_common(1)[0][0] if rules else study.threshold
    found = []
    shifts = sorted({(c.domain, c.severity) for c in cells}, key=lambda s: (s[0] != study.main_domain, s))
    several = {domain for domain, count in Counter(domain for domain, _ in shifts).items() if count > 1}
    for domain, severity in shifts:
        name = f"{domain} {severity:g}" if domain in several else domain
        for detector in study.detectors:
            shifted = regimes_of(study, detector, domain, severity, threshold)
            if shifted:
                found.append(Setting(detector, domain, severity, name, shifted, clean_of(study, detector, threshold)))
    return found


def broken(draws: Draws, category: str) -> bool | None:
    """Whether the promise of a category is shown to be broken; None without a promise."""
    exact = draws.groups[category].values.get(EXACT)
    return promise_broken(draws.of(category).promised(), exact if isinstance(exact, list) else None)


def any_broken(draws: Draws, group: str) -> bool:
    """Whether that is so in a category of a group."""
    return any(broken(draws, category) for category in draws.of(group).cells)


def promise_kept(draws: Draws, group: str) -> str:
    """``broken``, ``not broken``, or a count over the categories."""
    found = [broken(draws, category) for category in draws.of(group).cells]
    if None in found:
        return NONE
    if len(found) == 1:
        return "broken" if found[0] else "not broken"
    return f"broken in {sum(map(bool, found))} of {len(found)}"
