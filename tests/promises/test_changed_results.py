"""A result.json with one value changed: every reader of it ends with figures, a line, or the run left out by name."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.changed import PROGRAMS, cases_of, tried
from helpers.repo import REPO

from adshift.report import console, seeds

RUNS = REPO / "tests" / "programs" / "old_runs"
SAMPLE = 60


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name, source in (("clean", "bank"), ("none", "bank_shift"), ("regime", "bank_shift")):
        shutil.copytree(RUNS / source, tmp_path / name)
    return tmp_path


def test_one_changed_value_never_gives_a_traceback(runs: Path) -> None:
    """A seeded sample of the changes; ``ADSHIFT_CHANGES=all`` makes every one of them, and ``-s`` shows the counts."""
    path = runs / "regime" / "result.json"
    cases = cases_of(path, SAMPLE)
    found = Counter(tried(path, cases, [runs / "none", runs / "clean"]))
    assert found.total() == len(cases) * len(PROGRAMS)
    assert {end for _, end in found} == {"figures", "left out", "refused"}
    print(f"\n{len(cases)} changes, {found.total()} ends: {dict(sorted(found.items()))}")


@pytest.fixture
def broken(runs: Path) -> Path:
    """A run whose figure is a text."""
    path = runs / "regime" / "result.json"
    path.write_text(path.read_text().replace('"image_auroc": 1.0', '"image_auroc": "high"', 1))
    return runs / "regime"


@pytest.mark.parametrize("main", [console.main, seeds.main])
def test_a_bad_run_is_left_out_by_name(
    main: Callable[[list[str]], int], runs: Path, broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [str(runs / "none"), str(runs / "clean")]
    assert main(good) == 0
    without = capsys.readouterr()
    assert main([good[0], str(broken), good[1]]) == 0
    found = capsys.readouterr()
    assert (found.out, without.err) == (without.out, "")
    says = "is not as adshift writes it (metrics.macro.image_auroc"
    assert found.err.startswith(f"left out: {broken / 'result.json'} {says}")
    assert main([str(broken)]) == 2
    assert capsys.readouterr().err.startswith(f"adshift: left out: {broken / 'result.json'} {says}")


def test_names_that_strangers_chose_do_not_command_the_terminal(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = runs / "regime" / "result.json"
    result = json.loads(path.read_text())
    for group in ("method", "data", "domain"):
        result["config"][group]["name"] = f"{group}\x1b[2J\n|"
    result["adaptation"]["regime"] = "none\x07"
    path.write_text(json.dumps(result))
    for main in (console.main, seeds.main):
        assert main([str(path.parent)]) == 0
        found = capsys.readouterr()
        assert r"method\x1b[2J\n|" in found.out
        assert r"none\x07" in found.out
        assert found.out.count("\n") == 3
