"""Finished runs whose images lie elsewhere now: the folder itself is given, whatever its name."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.images import draw, draw_category, tiny_overrides
from helpers.inprocess import invoke, one_line, run_cell

from adshift.diagnose.__main__ import main as diagnose

QUICK = [o for o in tiny_overrides(Path("unused")) if not o.startswith("data.")]
OFF = ("data.num_workers=0", "logger=none")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "scores.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled category and a flat folder, a run of each, and then other names for both folders."""
    here = tmp_path_factory.mktemp("moved")
    draw_category(here / "old", "plate", train=12, good=4, defective=4)
    for i in range(12):
        draw(here / "photos" / f"{i:03}.png", i)
    run_cell(here / "labelled", *QUICK, f"data.root={here / 'old'}", "data.category=plate", "threshold=sigma", *OFF)
    run_cell(here / "flat", *QUICK, f"data.root={here / 'photos'}", "split=official", "crossfit=2", *OFF)
    (here / "new").mkdir()
    (here / "old" / "plate").rename(here / "new" / "plate (2026)")
    (here / "photos").rename(here / "new" / "A=1")
    return here


def evaluated(place: Path, run: str, folder: Path, *overrides: str) -> dict[str, Any]:
    return run_cell(folder, f"run={place / run}", *overrides, "logger=none", script="evaluate.py")


def test_an_evaluation_takes_the_folder_itself(place: Path, tmp_path: Path) -> None:
    root = f"data_root={place / 'new' / 'plate (2026)'}"
    result = evaluated(place, "labelled", tmp_path / "a", root)
    assert rows(tmp_path / "a") == rows(place / "labelled")
    assert result["config"]["data"]["root"] == str(place / "new")
    assert list(result["metrics"]["categories"]) == ["plate"]


def test_a_shift_moves_each_image_as_it_would_have_under_the_old_name(place: Path, tmp_path: Path) -> None:
    (tmp_path / "back").mkdir()
    shutil.copytree(place / "new" / "plate (2026)", tmp_path / "back" / "plate")
    evaluated(place, "labelled", tmp_path / "b", f"data_root={tmp_path / 'back'}", "domain=shift")
    evaluated(place, "labelled", tmp_path / "a", f"data_root={place / 'new' / 'plate (2026)'}", "domain=shift")
    assert rows(tmp_path / "a") == rows(tmp_path / "b")


def test_a_cross_fitted_run_of_a_flat_folder_keeps_its_thresholds(place: Path, tmp_path: Path) -> None:
    draw(place / "new" / "A=1" / "test" / "good" / "new.png", 99)
    try:
        result = evaluated(place, "flat", tmp_path / "a", f"data_root={place / 'new' / 'A=1'}")
    finally:
        shutil.rmtree(place / "new" / "A=1" / "test")
    fitted = json.loads((place / "flat" / "result.json").read_text())
    assert result["threshold"] == fitted["threshold"]
    assert result["counts"]["photos"]["test_normal"] == 1


def test_a_stress_test_and_a_diagnosis_take_it_too(place: Path, tmp_path: Path) -> None:
    done = invoke(
        "adshift/stress/__main__.py", f"run={place / 'flat'}", f"data_root={place / 'new' / 'A=1'}", "severities=[1]",
        "components=[all]", "repairs=[none]", "bootstrap=100", "folds=2", f"hydra.run.dir={tmp_path / 'stress'}",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "stress" / "stress.json").read_text())["category"] == "photos"
    arguments = [str(place / "labelled"), "--bootstrap", "10", "--out", str(tmp_path / "why")]
    assert diagnose([*arguments, "--data-root", str(place / "new" / "plate (2026)")]) == 0


@pytest.mark.parametrize("program", ["evaluate.py", "adshift/stress/__main__.py"])
def test_what_is_wrong_is_said_of_what_was_typed(program: str, place: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for root, says in (
        (None, f"its images are no longer in {place}, which has no folder photos; say where they lie now: data_root="),
        (tmp_path / "nowhere", f"data_root={tmp_path / 'nowhere'} is no folder; give the folder that holds the images"),
        (tmp_path / "empty", f"data_root={tmp_path / 'empty'} has no folder photos, and no good image itself; give"),
    ):
        given = [] if root is None else [f"data_root={root}"]
        done = invoke(program, f"run={place / 'flat'}", *given, f"hydra.run.dir={tmp_path / 'out'}")
        assert done.code == 2
        line = one_line(done.err)
        assert says in line
        assert "category=" not in line
        assert "data.root" not in line


def test_the_report_shows_pictures_of_the_folder_as_it_is_called_now(place: Path, tmp_path: Path) -> None:
    from adshift.report.cells import to_cells
    from adshift.report.photographs import Photographs
    from adshift.report.runs import Run

    evaluated(place, "labelled", tmp_path / "a", f"data_root={place / 'new' / 'plate (2026)'}")
    (cell,) = to_cells([Run.read(tmp_path / "a")])
    said: list[str] = []
    photographs = Photographs(said.append)
    samples = photographs.samples(cell, "plate")
    assert sorted(samples) == sorted(row["path"] for row in rows(tmp_path / "a") if row["role"] == "test")
    for sample in samples.values():
        image, mask = photographs.pair(cell, sample)
        assert image.shape[:2] == (64, 64)
        assert mask is not None
    assert said == []


def test_a_name_that_leads_elsewhere_is_refused(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "labelled", tmp_path / "run")
    held = json.loads((tmp_path / "run" / "result.json").read_text())
    held["config"]["data"] |= {"folder": "../new", "root": str(place / "new")}
    (tmp_path / "run" / "result.json").write_text(json.dumps(held))
    done = invoke("evaluate.py", f"run={tmp_path / 'run'}", f"hydra.run.dir={tmp_path / 'out'}")
    assert done.code == 2
    assert "must be the name of one folder" in one_line(done.err)
