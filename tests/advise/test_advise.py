"""Advice on photographs of a new lamp: what it says, what it declines, and the repaired run that it leaves."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from helpers.inprocess import Finished, invoke, one_line, run_cell
from helpers.plates import QUICK, photograph, photographs
from helpers.sentences import repeated, sentences

from adshift.adaptation.few_images import FewImages
from adshift.advise.judged import Verdict
from adshift.advise.outcome import NOTHING, TOO_FEW, UNCLEAR, Outcome
from adshift.advise.plan import AdvisePlan
from adshift.advise.words import answer
from adshift.calibration.binomial import binomial_interval
from adshift.metrics.resampling import Difference
from adshift.repairs.worth import Candidate, Choice

GAIN = 1.25
SMALL = ("bootstrap=200",)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run_cell(folder / "run", "data=folder", f"data.root={photographs(folder / 'photos', 24)}", *QUICK)
    return folder / "run"


@pytest.fixture(scope="module")
def lamp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographs(tmp_path_factory.mktemp("lamp") / "new lamp", 40, 2000, GAIN)


def asked(run: Path, lamp: Path, folder: Path, *overrides: str) -> Finished:
    return invoke("adshift/advise/__main__.py", f"run={run}", f"domain.root='{lamp}'", *SMALL, *overrides,
                  f"hydra.run.dir={folder}")  # fmt: skip


def told(run: Path, lamp: Path, folder: Path, *overrides: str) -> tuple[dict[str, Any], Finished]:
    done = asked(run, lamp, folder, *overrides)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads((folder / "advise.json").read_text())
    return found, done


def by_repair(found: dict[str, Any]) -> dict[str, Any]:
    return {one["repair"]: one for one in found["repairs"]}


@pytest.fixture(scope="module")
def advice(run: Path, lamp: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Finished, Path]:
    folder = tmp_path_factory.mktemp("advice") / "out"
    return (*told(run, lamp, folder), folder)


def test_the_broken_promise_is_shown_and_a_repair_is_taken(advice: tuple[dict[str, Any], Finished, Path]) -> None:
    found, done, _ = advice
    none = by_repair(found)["none"]["pasted"]
    assert none["false_alarm_rate_exact_ci"][0] > 0.05
    assert none["false_alarm_rate_exact_ci"] == pytest.approx(
        list(binomial_interval(round(40 * none["false_alarm_rate"]), 40))
    )
    taken = by_repair(found)[found["advice"]]
    assert taken["gain"]["interval"][0] > 0
    assert found["decided_on"] == "pasted"
    assert (found["photographs"], found["judged_with"], found["fitted_on"]) == (40, 40, 24)
    assert "Worth it" in done.out
    assert "PASTED" in done.out


def test_what_changed_is_the_light(advice: tuple[dict[str, Any], Finished, Path]) -> None:
    found, done, _ = advice
    shown = [change["look"] for change in found["changes"] if change["shown"]]
    assert shown[0] == "light"
    assert "- light: brighter" in done.out


def test_the_repaired_run_predicts(advice: tuple[dict[str, Any], Finished, Path], tmp_path: Path) -> None:
    found, done, folder = advice
    assert found["repaired_run"] == str(folder / "repaired")
    assert f"next: python predict.py run={folder / 'repaired'} source=NEW" in done.out
    photographs(tmp_path / "next", 20, 5000, GAIN)
    photograph(tmp_path / "next" / "bad.png", 6000, GAIN, (10, 12, 14, 8))
    done = invoke("predict.py", f"run={folder / 'repaired'}", f"source={tmp_path / 'next'}", "pictures=none",
                  f"hydra.run.dir={tmp_path / 'found'}")  # fmt: skip
    assert done.code == 0, done.err
    with (tmp_path / "found" / "predictions.csv").open(newline="") as handle:
        called = {Path(row["path"]).name: row["decision"] for row in csv.DictReader(handle)}
    assert called.pop("bad.png") == "1"
    assert sum(decision == "1" for decision in called.values()) <= 5


def test_the_page_holds_the_answer_the_changes_and_the_pictures(advice: tuple[dict[str, Any], Finished, Path]) -> None:
    found, _, folder = advice
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert sentences(page)[2] == found["words"].split(". ")[0].removesuffix(".") + "."  # first, after the title alone
    assert repeated(page) == []
    assert len(found["changes"]) > 1
    for change in found["changes"]:
        assert change["p_value"] <= change["p_holm"] <= min(1, change["p_value"] * len(found["changes"]))
    assert f"Holm&#39;s correction over the {len(found['changes'])} looks compared" in page
    assert "Content-Security-Policy" in page
    assert (folder / "figures" / "pictures.png").is_file()


def test_every_repair_decides_each_photograph_without_itself(
    advice: tuple[dict[str, Any], Finished, Path],
) -> None:
    """A threshold from the other 32 promises what floor(0.05 * 33) / 33 is, one of all 40 what floor(0.05 * 41) / 41 is."""
    repairs = by_repair(advice[0])
    assert repairs["threshold"]["promised_rate_out_of_fold"] == pytest.approx(0.05)
    assert repairs["few"]["promised_rate"] == pytest.approx(1 / 9)
    assert repairs["full"]["promised_rate"] == pytest.approx(0.05)


def test_too_few_photographs_are_told_and_nothing_is_repaired(run: Path, tmp_path: Path) -> None:
    found, done = told(run, photographs(tmp_path / "lamp", 6, 2000, GAIN), tmp_path / "out")
    assert found["advice"] == "too few photographs"
    assert found["repairs"] == []
    assert not (tmp_path / "out" / "repaired").exists()
    assert "Too few photographs to say: 6. Take 19 or more" in done.out


def test_under_the_old_lamp_no_change_is_told(run: Path, tmp_path: Path) -> None:
    found, done = told(run, photographs(tmp_path / "lamp", 40, 2000), tmp_path / "out", "repairs=[none]")
    assert not any(change["shown"] for change in found["changes"])
    assert by_repair(found)["none"]["pasted"]["false_alarm_rate_exact_ci"][0] <= 0.05
    assert found["advice"] == "nothing"
    assert "Nothing is called for" in done.out
    assert not (tmp_path / "out" / "repaired").exists()


@pytest.mark.parametrize(
    ("taken", "broken", "photographs", "advice", "said"),
    [
        (None, False, 40, NOTHING, "Nothing is called for"),
        (None, True, 40, UNCLEAR, "It cannot be told"),
        (None, None, 40, UNCLEAR, "It cannot be told"),
        (None, False, 18, TOO_FEW, "Take 19 or more"),
        ("threshold", True, 18, "threshold", "Worth it: a new threshold."),
    ],
)
def test_what_is_said_of_a_verdict(
    taken: str | None, broken: bool | None, photographs: int, advice: str, said: str
) -> None:
    gain = Difference(0.2, (0.1, 0.3), 0.01)
    chosen = None if taken is None else Candidate(taken, photographs, 1.0, gain, False)
    few = FewImages(8)
    plan = AdvisePlan(Path("RUN"), ("none", "threshold"), few, 5, 80, ("scratch",), 0.12, 100, 0)
    outcome = Outcome(
        {}, plan, "plate", 24, photographs, 0, (), Path(), Path("LAMP"), None, (),
        Verdict(False, Choice(chosen, chosen, ()), broken, {}), (), 0.05, None, (), 1.0,
    )  # fmt: skip
    assert outcome.advice == advice
    assert said in answer(outcome)


def test_a_new_fit_is_made_with_all_photographs_and_predicts(run: Path, lamp: Path, tmp_path: Path) -> None:
    found, _ = told(run, lamp, tmp_path / "out", "repairs=[none,full]", "defects=[spot]", "defect_size=0.4")
    assert found["advice"] == "full"
    repaired = json.loads((tmp_path / "out" / "repaired" / "result.json").read_text())
    assert repaired["counts"]["photos"]["train"] == 40
    assert repaired["threshold"]["photos"]["n"] == 40
    photograph(tmp_path / "next" / "bad.png", 6000, GAIN, (10, 12, 14, 8))
    done = invoke("predict.py", f"run={tmp_path / 'out' / 'repaired'}", f"source={tmp_path / 'next'}", "pictures=none",
                  "fail_on_anomaly=true", f"hydra.run.dir={tmp_path / 'found'}")  # fmt: skip
    assert done.code == 3, done.err


def test_few_that_the_folds_cannot_serve_is_left_out_and_told(run: Path, tmp_path: Path) -> None:
    lamp = photographs(tmp_path / "lamp", 10, 2000, GAIN)
    found, done = told(run, lamp, tmp_path / "out", "repairs=[none,few]", "few.k=9")
    assert [one["repair"] for one in found["repairs"]] == ["none"]
    assert "few.k=9 is not tried: the photographs of the other folds are 8" in done.err


def test_a_repaired_run_is_not_judged_as_what_it_was(run: Path, lamp: Path, tmp_path: Path) -> None:
    photos = photographs(tmp_path / "photos", 16)
    own = ("split=standard", "split.train_fraction=0.5", "adaptation=few", "few.k=4")
    run_cell(tmp_path / "few", "data=folder", f"data.root={photos}", *own, *QUICK)
    done = asked(tmp_path / "few", lamp, tmp_path / "out")
    assert done.code == 2
    assert "was repaired with a few images" in one_line(done.err)


def test_real_defects_decide_where_there_are_ten(run: Path, tmp_path: Path) -> None:
    lamp = photographs(tmp_path / "lamp", 24, 2000, GAIN)
    for i in range(10):
        photograph(lamp / "test" / "scratch" / f"{i:03d}.png", 4000 + i, GAIN, (4 + 4 * i, 10, 14, 8))
    found, _ = told(run, lamp, tmp_path / "out", "repairs=[none,threshold,full]")
    assert (found["decided_on"], found["real_defects"]) == ("real", 10)
    assert by_repair(found)["threshold"]["real"]["recall"] == 1.0


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("repairs=[threshold]", "repairs=[threshold] must hold none"),
        ("repairs=[none,paint]", "repairs holds paint"),
        ("folds=1", "folds=1 must be >= 2"),
        ("defects=[hole]", "defects=hole must be among"),
        ("few.k=0", "few.k=0 must be >= 1"),
        ("bootstrap=1", "bootstrap=1 must be >= 100"),
    ],
)
def test_values_out_of_bounds_are_refused(run: Path, lamp: Path, tmp_path: Path, override: str, said: str) -> None:
    done = asked(run, lamp, tmp_path / "out", override)
    assert done.code == 2
    assert said in one_line(done.err)


def test_a_run_without_a_threshold_is_refused_with_a_remedy(lamp: Path, tmp_path: Path) -> None:
    photos = photographs(tmp_path / "photos", 12)
    run_cell(tmp_path / "run", "data=folder", f"data.root={photos}", "split=official", "crossfit=0", *QUICK)
    done = asked(tmp_path / "run", lamp, tmp_path / "out")
    assert done.code == 2
    assert "has no threshold" in one_line(done.err)
