"""domain=photos: real photographs as the target of a fit or of a finished run, and what its model has seen already."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.inprocess import invoke, run_cell
from helpers.plates import QUICK, photograph, photographs
from PIL import Image

from adshift.data.contents import content_sha256
from adshift.data.images import read_image
from adshift.report.cells import to_cells
from adshift.report.photographs import Photographs
from adshift.report.runs import Run

GAIN = 1.25


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographs(tmp_path_factory.mktemp("photos") / "photos", 24)


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The short form: all 24 photographs fitted, the threshold cross-fitted."""
    folder = tmp_path_factory.mktemp("run") / "run"
    run_cell(folder, "data=folder", f"data.root={photos}", *QUICK)
    return folder


@pytest.fixture(scope="module")
def lamp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty good photographs under a brighter lamp, nothing else."""
    return photographs(tmp_path_factory.mktemp("lamp") / "new lamp", 40, 2000, GAIN)


def under(run: Path, lamp: Path, folder: Path, *overrides: str) -> dict[str, Any]:
    target = ("domain=photos", f"domain.root='{lamp}'")
    return run_cell(folder, f"run={run}", *target, *overrides, "logger=none", script="evaluate.py")


def scores(folder: Path, role: str) -> list[dict[str, str]]:
    with (folder / "scores.csv").open(newline="") as handle:
        return [row for row in csv.DictReader(handle) if row["role"] == role]


def test_a_cross_fitted_run_takes_photographs_and_without_repair_the_promise_is_broken(
    run: Path, lamp: Path, tmp_path: Path
) -> None:
    result = under(run, lamp, tmp_path / "none")
    figures = result["metrics"]["categories"]["photos"]
    assert result["counts"]["photos"]["test_normal"] == 40
    assert figures["image_auroc"] is None
    alarms = sum(int(row["decision"]) for row in scores(tmp_path / "none", "test"))
    assert figures["false_alarm_rate"] == pytest.approx(alarms / 40)
    assert figures["false_alarm_rate_exact_ci"][0] > 0.05
    fitted = json.loads((run / "result.json").read_text())
    assert result["threshold"] == fitted["threshold"]


def test_a_threshold_takes_every_photograph_and_its_false_alarms_are_told_out_of_fold(
    run: Path, lamp: Path, tmp_path: Path
) -> None:
    result = under(run, lamp, tmp_path / "threshold", "adaptation=threshold")
    told = result["threshold"]["photos"]
    assert (told["n"], told["promised_rate"]) == (40, 0.05)
    assert result["adaptation"]["target_images"] == 40
    rows = scores(tmp_path / "threshold", "test")
    assert len(rows) == 40
    values = sorted(float(row["score"]) for row in rows)
    for row in rows:  # of the other 39, at most floor(0.05 * 40) = 2 lie at or above it
        others = sorted(values)
        others.remove(float(row["score"]))
        assert sum(value >= float(row["threshold"]) for value in others) <= 2
        assert int(row["decision"]) == int(float(row["score"]) >= float(row["threshold"]))
    alarms = sum(int(row["decision"]) for row in rows)
    assert result["metrics"]["categories"]["photos"]["false_alarm_rate"] == pytest.approx(alarms / 40)
    assert any("out of fold" in w or "had no part in" in w for w in result["warnings"])


def test_the_repaired_threshold_predicts(run: Path, lamp: Path, tmp_path: Path) -> None:
    under(run, lamp, tmp_path / "threshold", "adaptation=threshold")
    photographs(tmp_path / "next", 10, 5000, GAIN)
    photograph(tmp_path / "next" / "bad.png", 6000, GAIN, (10, 12, 14, 8))
    done = invoke("predict.py", f"run={tmp_path / 'threshold'}", f"source={tmp_path / 'next'}", "pictures=none",
                  f"hydra.run.dir={tmp_path / 'found'}")  # fmt: skip
    assert done.code == 0, done.err
    summary = json.loads((tmp_path / "found" / "summary.json").read_text())
    assert 1 <= summary["anomalous"] <= 4


def test_the_milliseconds_an_image_are_measured_where_every_photograph_calibrates(
    photos: Path, lamp: Path, tmp_path: Path
) -> None:
    """Nothing is left to test on: the image that is timed lies with the run's own, not with the photographs."""
    timed = [override for override in QUICK if override != "metrics.latency=false"]
    run_cell(tmp_path / "run", "data=folder", f"data.root={photos}", "split=standard", *timed)
    result = under(tmp_path / "run", lamp, tmp_path / "threshold", "adaptation=threshold")
    assert result["timing"]["ms_per_image"]["1"] > 0


def test_few_draws_k_of_them_and_tests_the_others(run: Path, lamp: Path, tmp_path: Path) -> None:
    result = under(run, lamp, tmp_path / "few", "adaptation=few", "few.k=8")
    counts = result["counts"]["photos"]
    assert (counts["calibration_normal"], counts["test_normal"]) == (8, 32)
    assert result["metrics"]["categories"]["photos"]["false_alarm_rate"] < 0.5


def test_a_new_fit_on_photographs_is_cross_fitted_as_a_fit_on_them_would_be(
    photos: Path, lamp: Path, tmp_path: Path
) -> None:
    target = ("domain=photos", f"domain.root='{lamp}'", "adaptation=full")
    result = run_cell(tmp_path / "full", "data=folder", f"data.root={photos}", *target, *QUICK)
    assert result["counts"]["photos"]["train"] == 40
    assert result["threshold"]["photos"]["n"] == 40
    assert len(scores(tmp_path / "full", "test")) == 40


def test_a_run_fitted_on_photographs_keeps_its_images_and_is_evaluated_elsewhere(photos: Path, tmp_path: Path) -> None:
    lamp = photographs(tmp_path / "lamp", 24, 2000, GAIN)
    target = ("domain=photos", f"domain.root='{lamp}'", "adaptation=full")
    run_cell(tmp_path / "full", "data=folder", f"data.root={photos}", *target, *QUICK)
    fitted = json.loads((tmp_path / "full" / "fitted.json").read_text())["images"]
    photographs(lamp, 8, 3000, GAIN, prefix="later")
    again = run_cell(tmp_path / "again", f"run={tmp_path / 'full'}", "logger=none", script="evaluate.py")
    assert again["counts"]["photos"]["train"] == 24 == len(fitted)
    assert again["threshold"] == json.loads((tmp_path / "full" / "result.json").read_text())["threshold"]
    shifted = under(tmp_path / "full", photographs(tmp_path / "third", 30, 6000, 0.8), tmp_path / "third run",
                    "adaptation=threshold")  # fmt: skip
    assert (shifted["counts"]["photos"]["train"], shifted["threshold"]["photos"]["n"]) == (24, 30)
    asked = (f"run={tmp_path / 'full'}", "domain=clean", "adaptation=none", "logger=none")
    clean = run_cell(tmp_path / "clean", *asked, script="evaluate.py")
    assert (clean["counts"]["photos"]["train"], clean["counts"]["photos"]["test_normal"]) == (24, 24)


def test_test_images_and_masks_are_those_of_the_folder(run: Path, tmp_path: Path) -> None:
    lamp = photographs(tmp_path / "lamp", 20, 2000, GAIN)
    photographs(lamp / "test" / "good", 6, 3000, GAIN)
    for i in range(5):
        photograph(lamp / "test" / "scratch" / f"{i:03d}.png", 4000 + i, GAIN, (8 + 5 * i, 10, 14, 8))
    result = under(run, lamp, tmp_path / "found", "adaptation=threshold")
    counts = result["counts"]["photos"]
    assert (counts["calibration_normal"], counts["test_normal"], counts["test_anomalous"]) == (20, 6, 5)
    assert result["metrics"]["categories"]["photos"]["image_auroc"] == 1.0
    assert {row["path"].split("/")[0] for row in scores(tmp_path / "found", "test")} == {"test"}


def test_a_fitted_picture_is_found_under_another_name_and_saved_anew(run: Path, photos: Path, tmp_path: Path) -> None:
    lamp = photographs(tmp_path / "lamp", 12, 2000, GAIN)
    copied = lamp / "IMG_7.png"
    Image.open(photos / "003.png").save(copied, compress_level=0)
    assert copied.read_bytes() != (photos / "003.png").read_bytes()
    assert content_sha256(read_image(copied)) == content_sha256(read_image(photos / "003.png"))
    result = under(run, lamp, tmp_path / "found", "adaptation=threshold")
    assert result["threshold"]["photos"]["n"] == 12
    assert any(
        w.startswith("1 of 13 calibration images are pictures that the model was fitted on") for w in result["warnings"]
    )


def test_a_folder_that_grew_keeps_the_split_that_the_run_had(tmp_path: Path) -> None:
    photos = photographs(tmp_path / "photos", 24)
    run_cell(tmp_path / "run", "data=folder", f"data.root={photos}", "split=standard", *QUICK)
    photographs(photos, 16, 4000, prefix="later")
    (tmp_path / "before").mkdir()
    kept = json.loads((tmp_path / "run" / "fitted.json").read_text())["images"]
    result = run_cell(tmp_path / "again", f"run={tmp_path / 'run'}", "logger=none", script="evaluate.py")
    assert result["counts"]["photos"]["train"] == 19
    assert result["threshold"]["photos"]["n"] == 5
    calibrated = {row["path"] for row in scores(tmp_path / "again", "calibration")}
    assert calibrated == {image["path"] for image in kept if image["role"] == "calibration"}
    assert len({image["content"] for image in kept}) == 24


def test_an_image_of_the_fit_that_is_gone_is_told(tmp_path: Path) -> None:
    photos = photographs(tmp_path / "photos", 12)
    run_cell(tmp_path / "run", "data=folder", f"data.root={photos}", "split=standard", *QUICK)
    kept = json.loads((tmp_path / "run" / "fitted.json").read_text())["images"]
    gone = next(image["path"] for image in kept if image["role"] == "train")
    (tmp_path / gone).unlink()
    done = invoke("evaluate.py", f"run={tmp_path / 'run'}", "logger=none", f"hydra.run.dir={tmp_path / 'again'}")
    assert done.code == 2
    assert f"1 of the 9 images that the run was fitted on are gone, {gone} the first" in done.err


@pytest.mark.parametrize(
    ("content", "said"),
    [("nothing", "there is no folder"), ("empty", "holds no photograph"), ("tests alone", "are all to be tested on")],
)
def test_folders_that_cannot_serve_are_told(run: Path, tmp_path: Path, content: str, said: str) -> None:
    lamp = tmp_path / "lamp"
    if content != "nothing":
        lamp.mkdir()
    if content == "tests alone":
        photographs(lamp / "good", 4, 2000, GAIN)
    target = ("domain=photos", f"domain.root={lamp}", "adaptation=threshold")
    done = invoke("evaluate.py", f"run={run}", *target, "logger=none", f"hydra.run.dir={tmp_path / 'found'}")
    assert done.code == 2
    assert said in done.err
    shutil.rmtree(lamp, ignore_errors=True)


def test_the_report_shows_the_photographs_and_not_what_has_their_names(run: Path, tmp_path: Path) -> None:
    """An image of the data root may have a photograph's path."""
    lamp = photographs(tmp_path / "photos", 6, 2000, GAIN)
    under(run, lamp, tmp_path / "found", "save_maps=true")
    complaints: list[str] = []
    cell = to_cells([Run.read(tmp_path / "found")])[0]
    shown = Photographs(complaints.append)
    samples = shown.samples(cell, "photos")
    assert complaints == []
    assert set(samples) == {row["path"] for row in scores(tmp_path / "found", "test")}
    for path, sample in samples.items():
        assert (shown.pair(cell, sample)[0] == read_image(lamp / path)).all()
