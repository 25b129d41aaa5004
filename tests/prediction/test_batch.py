"""predict.py decide=fdr, and the p-values of its rows."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import invoke, one_line, run_cell

import adshift
from adshift.calibration.p_values import batch_threshold


@pytest.fixture(scope="module")
def run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cross-fitted on all twenty good train images, as a folder of photographs is."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    run_cell(folder, *tiny_overrides(tiny), "split=official", "crossfit=5", "threshold=conformal")
    return folder


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "predictions.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_a_batch_is_judged_at_its_false_discovery_rate(run: Path, tiny: Path, tmp_path: Path) -> None:
    done = invoke(
        "predict.py", f"run={run}", f"source={tiny / 'plate' / 'test'}", "decide=fdr", f"hydra.run.dir={tmp_path}"
    )
    assert done.code == 0, done.err
    normals = json.loads((run / "calibration.json").read_text())["normals"]["plate"]
    rows, summary = rows_of(tmp_path), json.loads((tmp_path / "summary.json").read_text())
    assert (len(normals), summary["normals"], summary["fdr"], summary["threshold_kind"]) == (20, 20, 0.1, "fdr")
    scores = [float(row["score"]) for row in rows]
    assert summary["threshold"] == batch_threshold(scores, normals, 0.1)
    for row, score in zip(rows, scores, strict=True):
        assert float(row["p_value"]) == (1 + sum(n >= score for n in normals)) / 21
        assert int(row["decision"]) == (score >= summary["threshold"])
    assert all(row["decision"] == "1" for row in rows if "/good/" not in row["path"])
    assert "at its false discovery rate" in done.out


def test_too_few_good_images_to_call_anything_bad_is_told(run: Path, tiny: Path, tmp_path: Path) -> None:
    words = (f"run={run}", f"source={tiny / 'plate' / 'test'}", "decide=fdr", "fdr=0.01", f"hydra.run.dir={tmp_path}")
    done = invoke("predict.py", *words)
    assert done.code == 0, done.err
    assert "20 good calibration images are few for it; a single bad one needs 1399 of them, 99 where" in one_line(
        done.err
    )
    assert {row["decision"] for row in rows_of(tmp_path)} == {"0"}


def test_an_image_that_cannot_be_read_takes_no_part_and_where_none_can_that_is_told(run: Path, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"no picture")
    words = (f"run={run}", f"source={tmp_path / 'images'}", "decide=fdr", f"hydra.run.dir={tmp_path / 'out'}")
    done = invoke("predict.py", *words)
    assert done.code == 2
    assert "none of the 1 images of source=" in done.err
    assert [row["error"] != "" for row in rows_of(tmp_path / "out")] == [True]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("decide=fdr", "threshold=0.5"), "leave threshold=0.5 out"),
        (("decide=fdr", "fdr=1.5"), "fdr=1.5 must be in (0, 1)"),
        (("decide=often",), "decide=often must be one of: threshold, fdr"),
    ],
)
def test_a_mistake_is_told(run: Path, tiny: Path, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = invoke("predict.py", f"run={run}", f"source={tiny / 'plate' / 'test'}", *words, f"hydra.run.dir={tmp_path}")
    assert done.code == 2
    assert told in one_line(done.err)


def test_an_older_run_decides_by_its_threshold_alone(run: Path, tiny: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(run, old)
    held = json.loads((old / "calibration.json").read_text())
    del held["normals"]
    (old / "calibration.json").write_text(json.dumps(held))
    image = tiny / "plate" / "test" / "good" / "000.png"
    done = invoke("predict.py", f"run={old}", f"source={image}", "decide=fdr", f"hydra.run.dir={tmp_path / 'a'}")
    assert "kept no scores of good calibration images" in one_line(done.err)
    assert [found.p_value for found in adshift.load(old).predict(image)] == [None]
    (found,) = adshift.load(run).predict(image)
    assert found.p_value is not None
    assert 0 < found.p_value <= 1
