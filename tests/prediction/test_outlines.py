"""What is outlined, counted and exported is one rule: the pixel threshold and the smallest region."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import invoke, run_cell
from PIL import Image
from scipy import ndimage

import adshift
from adshift.export.metadata import metadata
from adshift.prediction.pictures import MapScale, side_by_side
from adshift.report.pictures import OUTLINE
from adshift.run.fitted import load_fitted


@pytest.fixture(scope="module")
def run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Calibrated on good images alone, with the rule that comes with that."""
    folder = tmp_path_factory.mktemp("outlines")
    run_cell(folder, *tiny_overrides(tiny), "split=standard", "threshold.alpha=0.2")
    return folder


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def regions(anomaly_map: np.ndarray, threshold: float, least: int) -> int:
    """Counted by scipy."""
    labels, count = ndimage.label(anomaly_map >= threshold, np.ones((3, 3)))
    return sum((labels == i + 1).sum() >= least for i in range(count))


def test_a_small_region_is_not_drawn_and_a_large_one_is_as_before() -> None:
    image, anomaly_map = np.full((60, 60, 3), 90, np.uint8), np.zeros((60, 60), np.float32)
    anomaly_map[5:8, 5:8] = anomaly_map[30:50, 30:50] = 1
    scale = MapScale(0.0, 2.0, 1.0)
    every, large = (side_by_side(image, anomaly_map, scale, 0.5, 120, region) for region in (1, 10))
    white = [(picture == OUTLINE).all(axis=2)[:, 126:] for picture in (every, large)]
    assert white[0][:25, :25].any()
    assert not white[1][:25, :25].any()
    assert (white[0][40:, 40:] == white[1][40:, 40:]).all()
    assert white[1][40:, 40:].any()


def test_a_run_tells_its_rule_and_what_came_of_it(run: Path) -> None:
    result, held = read(run / "result.json"), read(run / "calibration.json")
    assert held["pixel_rule"] == {"kind": "image", "region": 16, "side": 64}
    assert result["pixel_threshold"]["plate"]["promised_rate"] == result["threshold"]["plate"]["promised_rate"] == 0.2
    assert result["pixel_threshold"]["plate"]["n"] == result["threshold"]["plate"]["n"]
    told = result["regions"]["plate"]
    assert (told["pixel"], told["region"], told["promised_rate"]) == ("image", 16, 0.2)
    assert told["good_images"] == result["counts"]["plate"]["test_normal"]
    assert 0 <= told["outlined_rate"] <= 1
    assert 0 < told["seg_f1"] <= 1


def test_predictions_count_and_draw_by_it(run: Path, tiny: Path, tmp_path: Path) -> None:
    done = invoke("predict.py", f"run={run}", f"source={tiny / 'plate' / 'test'}", f"hydra.run.dir={tmp_path}")
    assert done.code == 0, done.err
    summary, detector = read(tmp_path / "summary.json"), adshift.load(run)
    assert detector.pixel_threshold is not None
    with (tmp_path / "predictions.csv").open(newline="") as handle:
        overlays = {row["path"]: row["overlay"] for row in csv.DictReader(handle)}
    found = list(detector.predict(list(overlays)))
    counted = [regions(f.anomaly_map, detector.pixel_threshold, 16) for f in found]
    assert [f.regions for f in found] == counted
    assert summary["outlined"] == sum(map(bool, counted))
    assert 0 < summary["outlined"] < len(found)
    assert (summary["pixel_rule"], summary["region"], summary["pixel_promised_rate"]) == ("image", 16, 0.2)
    for prediction, count in zip(found, counted, strict=True):
        picture = np.asarray(Image.open(tmp_path / overlays[prediction.name]))
        right = picture[:, (picture.shape[1] - 6) // 2 + 6 :]
        assert bool((right == OUTLINE).all(axis=2).sum() > 8) == bool(count), prediction.name
    page = (tmp_path / "index.html").read_text()
    assert "Outlined is every region of at least 16 pixels of the map at or over the pixel threshold" in page
    assert "about 20 % of good images have such an outline" in page


def test_an_evaluation_chooses_another_rule_without_a_new_fit(run: Path, tmp_path: Path) -> None:
    rule = ("threshold=conformal", "threshold.alpha=0.3", "threshold.pixel=area", "threshold.region=1")
    result = run_cell(tmp_path, f"run={run}", *rule, script="evaluate.py")
    assert result["pixel_threshold"]["plate"]["kind"] == "area"
    told = result["regions"]["plate"]
    assert (told["pixel"], told["region"], told["promised_rate"]) == ("area", 1, 0.3)
    assert told["seg_f1"] == pytest.approx(result["metrics"]["categories"]["plate"]["pixel_f1"])  # every pixel counts


def test_exported_metadata_hold_it(run: Path) -> None:
    held = metadata(load_fitted(run), None)
    assert (held["pixel_rule"], held["region"]) == ("image", 16)
    assert held["pixel_threshold"] == read(run / "result.json")["pixel_threshold"]["plate"]["value"]
    assert "at least `region` pixels of the map with map >= pixel_threshold" in held["regions"]


def test_a_run_from_before_there_was_a_rule_is_as_it_was(run: Path, tmp_path: Path) -> None:
    """Every pixel at or over its threshold is outlined, and nothing is promised of images."""
    old = tmp_path / "old"
    old.mkdir()
    for name in ("result.json", "calibration.json", "model.ckpt"):
        (old / name).write_bytes((run / name).read_bytes())
    result, held = read(old / "result.json"), read(old / "calibration.json")
    del (
        held["pixel_rule"],
        result["regions"],
        result["config"]["threshold"]["pixel"],
        result["config"]["threshold"]["region"],
    )
    (old / "calibration.json").write_text(json.dumps(held))
    (old / "result.json").write_text(json.dumps(result))
    detector = adshift.load(old)
    assert (detector.pixel_rule.kind, detector.pixel_rule.region) == ("pixels", 1)
    again = run_cell(tmp_path / "again", f"run={old}", script="evaluate.py")
    assert (again["regions"]["plate"]["pixel"], again["regions"]["plate"]["region"]) == ("pixels", 1)
    assert again["pixel_threshold"]["plate"]["n"] == 64 * 64 * again["threshold"]["plate"]["n"]


def test_the_console_sets_realised_beside_promised(run: Path, tmp_path: Path) -> None:
    done = invoke("evaluate.py", f"run={run}", f"hydra.run.dir={tmp_path}")
    assert done.code == 0, done.err
    assert re.search(
        r"plate: \d+\.\d \[\d+\.\d, \d+\.\d\] % of 6 good test images have an outline \(20 % promised\)", done.out
    )
