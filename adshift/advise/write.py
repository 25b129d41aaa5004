"""What an advice leaves: advise.json, written last, and the page; and what it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adshift.advise.judged import Judged
from adshift.advise.outcome import Outcome
from adshift.advise.page import make_page
from adshift.advise.words import answer, changed, following, grounds, headline, overview
from adshift.report.thumbnails import Gallery
from adshift.report.write import write_report
from adshift.system.atomic import write_text
from adshift.system.provenance import git_commit, package_versions, peak_memory
from adshift.system.terminal import say, tell
from adshift.trials.figures import as_json as difference_json

SCHEMA = 1
JSON = "advise.json"


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Write everything into ``folder`` and print the advice."""
    write_report(folder, make_page(outcome), Gallery(), tell)
    write_text(folder / JSON, json.dumps(as_json(outcome), indent=1, allow_nan=False) + "\n")
    blocks = [headline(outcome), "\n".join(["What changed:", *(f"- {line}" for line in changed(outcome))])]
    blocks += [overview(outcome), grounds(outcome), answer(outcome)]
    say("\n" + "\n\n".join(filter(None, blocks)))
    for note in outcome.notes:
        tell(f"warning: {note}")
    if following(outcome):
        say(f"next: {following(outcome)}")
    say(str(folder / "index.html"))


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The content of advise.json: plain JSON values; figures of pasted defects stand under a name that says so."""
    verdict = outcome.verdict
    return {
        "schema": SCHEMA,
        "config": outcome.chosen,
        "category": outcome.category,
        "advice": outcome.advice,
        "words": answer(outcome),
        "repaired_run": None if outcome.repaired is None else str(outcome.repaired),
        "photographs": outcome.photographs,
        "judged_with": 0 if outcome.bench is None else len(outcome.bench.good),
        "real_defects": outcome.defects,
        "fitted_on": outcome.fitted_on,
        "decided_on": None if verdict is None else ("real" if verdict.on_real else "pasted"),
        "repairs": [_repair(one, outcome) for one in outcome.found],
        "changes": [
            {
                "look": change.look.name,
                "kind": change.look.kind,
                "unit": change.look.unit,
                "before": change.before,
                "after": change.after,
                "spread": change.spread,
                "p_value": change.p_value,
                "p_holm": change.p_holm,
                "shown": change.shown,
            }
            for change in outcome.changed
        ],
        "warnings": list(outcome.notes),
        "seconds": outcome.seconds,
        "memory": peak_memory(),
        "provenance": {"git_commit": git_commit(), "packages": package_versions()},
    }


def _repair(one: Judged, outcome: Outcome) -> dict[str, Any]:
    gain = None if outcome.verdict is None else outcome.verdict.gains.get(one.trial.repair)
    return {
        "repair": one.trial.repair,
        "promised_rate": one.trial.calibration.promised_rate,
        "promised_rate_out_of_fold": one.trial.promised,
        "pasted": dict(one.pasted.values),
        "real": None if one.real is None else dict(one.real.values),
        "gain": None if gain is None else difference_json(gain),
        "seconds": one.trial.seconds,
    }
