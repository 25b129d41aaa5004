"""The report's table of outlines: realised beside promised, from what the runs tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.runs import make_run

from adshift.report.discover import read_runs
from adshift.report.sections import regions
from adshift.report.study import Study


def test_outlines_stand_beside_their_promise(tiny: Path, tmp_path: Path) -> None:
    make_run(tmp_path / "a", tiny, threshold="conformal", pixel="image", outlines=True, signal=4.0)
    make_run(tmp_path / "b", tiny, threshold="conformal", pixel="image", outlines=True, domain="shift")
    path = tmp_path / "b" / "result.json"
    result = json.loads(path.read_text())
    result["regions"]["plate"] |= {"outlined": 6, "outlined_rate": 1.0, "outlined_rate_exact_ci": [0.54, 1.0]}
    path.write_text(json.dumps(result))
    found = regions.section(Study(read_runs([tmp_path], pytest.fail), pytest.fail))
    assert found is not None
    rows = {row[2]: dict(zip(found.tables[0].header, row, strict=True)) for row in found.tables[0].rows}
    assert set(rows) == {"clean", "shift, none"}
    assert rows["clean"]["pixel rule"] == "image, 4"
    assert rows["clean"]["promised"] == "20.0"
    assert (rows["clean"]["verdict"], rows["shift, none"]["verdict"]) == ("not broken", "broken")
    assert rows["shift, none"]["good images with an outline"] == "100.0 [54.0, 100.0]"
    assert found.findings == ("Shown to be broken: 1 of 2 promises of how many good images have an outline.",)


def test_runs_of_earlier_versions_have_no_such_table(tiny: Path, tmp_path: Path) -> None:
    make_run(tmp_path / "a", tiny, threshold="conformal")
    assert regions.section(Study(read_runs([tmp_path], pytest.fail), pytest.fail)) is None


def test_a_pixel_rule_names_a_threshold_only_where_runs_that_have_one_differ(tiny: Path, tmp_path: Path) -> None:
    for name, pixel in (("old", None), ("new", "image"), ("other", "image")):
        make_run(tmp_path / name, tiny, threshold="conformal", coreset={"old": 0.1, "new": 0.2, "other": 0.3}[name])
        path = tmp_path / name / "result.json"
        result = json.loads(path.read_text())
        result["config"]["threshold"] |= {} if pixel is None else {"pixel": pixel, "region": 16}
        path.write_text(json.dumps(result))
    assert {c.threshold for c in Study(read_runs([tmp_path], pytest.fail), pytest.fail).cells} == {"conformal"}
    result["config"]["threshold"]["pixel"] = "area"
    path.write_text(json.dumps(result))
    named = {c.threshold for c in Study(read_runs([tmp_path], pytest.fail), pytest.fail).cells}
    assert named == {"conformal", "conformal pixel image", "conformal pixel area"}
