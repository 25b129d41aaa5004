"""Runs that an earlier state of the code finished (old_runs/README.md) serve today's as they served it."""

from __future__ import annotations

import csv
import json
import pkgutil
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.images import draw_category
from helpers.inprocess import invoke, run_cell
from PIL import Image

import adshift
from adshift.report.__main__ import main as report
from adshift.report.console import main as console

KEPT = Path(__file__).with_name("old_runs")
RUNS = ("bank", "bank_shift", "repaired", "repaired_threshold")
EVALUATIONS = {
    "bank_shift": ("run=bank", "domain=shift", "adaptation=none"),
    "repaired_threshold": (
        "run=repaired",
        "domain=illumination",
        "adaptation=threshold",
        "threshold=sigma",
        "threshold.pixel=pixels",
        "threshold.region=1",
    ),
}
TOLERANCE = 1e-5
"""Relative, of figures absolute: other processors round otherwise."""
WARPED = 1e-3
"""The same where images are moved: since then the warp rounds in its own way (docs/promises.md)."""
TOLERANCES = {"bank_shift": WARPED, "repaired_threshold": TOLERANCE}


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs and the images that they were fitted and tested on, as they lay beside each other."""
    folder = tmp_path_factory.mktemp("old")
    shutil.copytree(KEPT, folder, dirs_exist_ok=True)
    draw_category(folder / "images", "plate", train=12, good=6, defective=6, seed=3)
    return folder


@pytest.fixture(autouse=True)
def _there(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs name their images, and the run that they evaluated, from where they were made."""
    monkeypatch.chdir(old)


def read_json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def said(run: str) -> dict[str, tuple[float, float, bool]]:
    """What the code of then predicted: path -> score, threshold, decision."""
    return {
        row["path"]: (float(row["score"]), float(row["threshold"]), row["decision"] == "1")
        for row in rows_of(KEPT / "said" / f"{run}.csv")
    }


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested dictionaries and lists, each under its place."""
    if not isinstance(value, dict | list):
        yield place, value
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from leaves(inner, f"{place}/{key}")


@pytest.mark.parametrize("run", RUNS)
def test_every_class_that_a_run_names_is_still_there(run: str) -> None:
    named = {value for place, value in leaves(read_json(KEPT / run / "result.json")["config"]) if "_target_" in place}
    assert "adshift.store.Store" in named
    for name in named:
        assert isinstance(pkgutil.resolve_name(name), type), name


@pytest.mark.parametrize(("run", "as_of"), [("bank", "bank"), ("bank_shift", "bank"), ("repaired", "repaired")])
def test_a_loaded_run_scores_and_decides_the_same(run: str, as_of: str) -> None:
    """An evaluation in another domain has its run's model, and here its threshold."""
    expected = said(as_of)
    for found in adshift.load(run, device="cpu").predict(list(expected)):
        assert (found.score, found.threshold, found.anomalous) == pytest.approx(expected[found.name], rel=TOLERANCE)


@pytest.mark.parametrize("adaptation", ["threshold", "few"])
def test_an_evaluation_of_a_repaired_run_loads_the_model_and_the_correction_that_it_scored_with(
    adaptation: str, tmp_path: Path
) -> None:
    """Without a repair of its own that is the model as it was fitted, with the correction of every image."""
    own = ["few.k=2"] if adaptation == "few" else []
    run_cell(tmp_path, "run=repaired", "domain=clean", f"adaptation={adaptation}", *own, "threshold=sigma",
             script="evaluate.py")  # fmt: skip
    expected = {f"images/{row['path']}": row for row in rows_of(tmp_path / "scores.csv") if row["role"] == "test"}
    for found in adshift.load(tmp_path, device="cpu").predict(list(expected)):
        row = expected[found.name]
        assert found.score == pytest.approx(float(row["score"]), rel=TOLERANCE)
        assert found.anomalous == (row["decision"] == "1")


@pytest.mark.parametrize("run", ["bank", "repaired"])
def test_predict_gives_the_same_table(run: str, tmp_path: Path) -> None:
    source = ("source=images/plate/test", "num_workers=0", "pictures=none", "device=cpu")
    done = invoke("predict.py", f"run={run}", *source, f"hydra.run.dir={tmp_path}")
    assert done.code == 0, done.err
    rows, expected = rows_of(tmp_path / "predictions.csv"), said(run)
    assert [row["path"] for row in rows] == list(expected)
    for row in rows:
        found = (float(row["score"]), float(row["threshold"]), row["decision"] == "1")
        assert found == pytest.approx(expected[row["path"]], rel=TOLERANCE)


@pytest.mark.parametrize("name", EVALUATIONS)
def test_evaluate_gives_the_same_figures_and_scores(name: str, tmp_path: Path) -> None:
    found = run_cell(tmp_path, *EVALUATIONS[name], "trainer.accelerator=cpu", script="evaluate.py")
    then, tolerance = read_json(KEPT / name / "result.json"), TOLERANCES[name]
    for part in ("metrics", "threshold", "pixel_threshold", "counts"):
        now = dict(leaves(found[part]))
        for place, value in leaves(then[part]):
            same = value if isinstance(value, str) else pytest.approx(value, rel=tolerance, abs=tolerance)
            assert now[place] == same, part + place
    rows, expected_rows = rows_of(tmp_path / "scores.csv"), rows_of(KEPT / name / "scores.csv")
    for key in ("path", "role", "label", "decision"):
        assert [row[key] for row in rows] == [row[key] for row in expected_rows]
    scores = [[float(row["score"]) for row in table] for table in (rows, expected_rows)]
    np.testing.assert_allclose(scores[0], scores[1], rtol=tolerance)


@pytest.mark.slow
def test_an_exported_run_has_the_same_scores_and_metadata(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the export extra")
    done = invoke("export.py", "run=bank", f"hydra.run.dir={tmp_path}")
    assert done.code == 0, done.err
    then, now = (read_json(folder / "export.json")["metadata"] for folder in (KEPT / "said", tmp_path))
    for held in (then, now):  # a version and a sentence, which may change
        del held["adshift"], held["input"]["resize"]
    assert now == now | then
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for path, (score, _, _) in said("bank").items():
        with Image.open(path) as image:
            small = np.asarray(image.convert("RGB").resize((32, 32), Image.Resampling.BILINEAR), np.float32) / 255
        found = session.run(["score"], {"image": small.transpose(2, 0, 1)[None]})[0]
        assert found[0] == pytest.approx(score, rel=TOLERANCE)


def test_the_console_sets_them_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert console([*RUNS]) == 0
    assert capsys.readouterr().out.count("| plate") == len(RUNS)


@pytest.mark.slow
def test_the_report_reads_them(tmp_path: Path) -> None:
    assert report([*RUNS, "--out", str(tmp_path), "--pictures", "0"]) == 0
    cells = {(row["method"], row["domain"], row["adaptation"]) for row in rows_of(tmp_path / "cells.csv")}
    assert cells == {
        ("patchcore", "clean", "none"), ("patchcore", "shift", "none"),
        ("padim", "shift", "normalise_few"), ("padim", "illumination", "threshold"),
    }  # fmt: skip
