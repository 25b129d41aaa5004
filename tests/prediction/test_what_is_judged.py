"""What predict.py takes for a photograph, what it says of the rest, and how its exit status answers for all of it."""

from __future__ import annotations

import glob
import html
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.cases import camera_share, half_read
from helpers.inprocess import Finished, invoke, run_cell
from helpers.plates import photograph, photographs, plate
from PIL import Image

import adshift
from adshift.data.check.doctor import examine
from adshift.data.outputs import is_output
from adshift.errors import AdshiftError
from adshift.prediction.detector import Detector
from adshift.prediction.sources import list_images

QUICK = ("backbone=small", "image_size=64", "metrics.bootstrap=0", "metrics.latency=false", "data.num_workers=0",
         "logger=none", "threshold=sigma", "threshold.k=12")  # fmt: skip
"""A threshold between good and bad plates, far from both."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("run")
    photographs(base / "photos", 16)
    run_cell(base / "run", "data=folder", f"data.root={base / 'photos'}", *QUICK)
    return base / "run"


@pytest.fixture(scope="module")
def detector(run: Path) -> Detector:
    return adshift.load(run)


def predict(run: Path, source: object, *overrides: str) -> Finished:
    done = invoke("predict.py", f"run={run}", f"source='{source}'", *overrides)
    assert done.code in (0, 3, 4), done.err
    return done


def summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


def test_a_gate_that_is_its_own_source_never_judges_its_own_pictures(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = photographs(tmp_path / "gate", 1, 500)
    monkeypatch.chdir(gate)
    for _ in range(3):
        assert predict(run, ".", "fail_on_anomaly=true").code == 0
    told = [summary(folder) for folder in sorted((gate / "outputs" / "predict").iterdir())]
    assert [each["images"] for each in told] == [1, 1, 1]
    assert [each["passed_over"]["written_by_adshift"] for each in told] == [1, 2, 3]  # its own folder is there already
    done = predict(run, "**/*.png", "fail_on_anomaly=true")
    assert done.code == 0
    assert done.out.startswith("1 images, 0 anomalous")
    assert predict(run, ".", "hydra.run.dir=.").code == predict(run, ".", "hydra.run.dir=.").code == 0
    assert summary(gate)["images"] == 1
    assert examine(gate)[0].severity == "error"  # one photograph is too few; but nothing of the outputs is told
    assert all("outputs" not in problem.line() and "overlays" not in problem.line() for problem in examine(gate))


def test_every_program_marks_its_output_folder_without_hydras_help(run: Path, tmp_path: Path) -> None:
    photos, quiet = photographs(tmp_path / "photos", 6, 900), "hydra.output_subdir=null"
    predict(run, photos, quiet, f"hydra.run.dir={photos / 'found'}")
    run_cell(photos / "fit", "data=folder", f"data.root={photos}", *QUICK, "save_maps=true", quiet)
    target = ("domain=photos", f"domain.root={photos}", "logger=none", "save_maps=true", quiet)
    run_cell(photos / "moved", f"run={run}", *target, script="evaluate.py")
    for name in ("found", "fit", "moved"):
        assert not (photos / name / ".hydra").exists()
        assert is_output(photos / name)
    assert len(list_images(str(photos)).images) == 6


def test_pictures_that_a_program_wrote_are_refused_by_name(run: Path, tmp_path: Path) -> None:
    photos = photographs(tmp_path / "photos", 1)
    predict(run, photos, f"hydra.run.dir={tmp_path / 'out'}")
    (overlay,) = (tmp_path / "out" / "overlays").rglob("*.png")
    for source, says in (
        (overlay, "was written by a program of adshift; name a photograph"),
        (overlay.parent, r"holds no image .* \(1 passed over \(1 written by adshift\)\)"),
        (overlay.parent / "*.png", r"matches no file \(1 passed over \(1 written by adshift\)\)"),
        (tmp_path / "out" / "**" / "*.png", r"matches no file \(3 passed over \(1 hidden, 2 written by adshift\)\)"),
    ):
        with pytest.raises(AdshiftError, match=says):
            list_images(str(source))


def test_a_camera_share_is_read_whole_and_what_was_passed_over_is_counted(run: Path, tmp_path: Path) -> None:
    done = predict(run, camera_share(tmp_path / "share"), f"hydra.run.dir={tmp_path / 'out'}", "fail_on_anomaly=true")
    assert done.code == 0
    told = summary(tmp_path / "out")
    assert (told["images"], told["skipped"], told["passed_over"]["hidden"]) == (7, 0, 3)
    words = done.out.splitlines()[0]
    assert words.startswith("7 images, 0 anomalous")
    assert words.endswith("0 not read, 3 passed over (3 hidden).")
    assert html.escape(words) in (tmp_path / "out" / "index.html").read_text()


def test_a_glob_takes_each_file_once_and_no_thumbnails(tmp_path: Path) -> None:
    share = camera_share(tmp_path / "share")
    (share / "again").symlink_to("day1")
    (share / "day1" / "up").symlink_to("..")
    found = list_images(str(share / "**" / "*.[pJw]*"))
    assert [os.path.relpath(path, share) for path in found.images] == [
        "000.png", "001.png", "c.JPG", "d.webp", "day1/000.png", "day2/000.png",
    ]  # fmt: skip
    assert (found.passed["hidden"], found.passed["seen_already"]) == (2, 2)
    assert list_images(str(share / "day[12]" / "*.png")).images == tuple(f"{share}/day{i}/000.png" for i in (1, 2))


@pytest.mark.parametrize(
    "pattern",
    ["*.png", "*", "**", "**/*.png", "*/*.png", "a/**/*.png", "a/**/b/*", "[ab]/?.png", "**/b/**/*.png", "c*/*"],
)
def test_a_glob_matches_what_the_standard_library_matches(
    pattern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("x.png", "y.txt", "a/x.png", "a/b/x.png", "a/b/b/z.png", "b/x.png", "b/yy.png", ".x.png", "a/.h.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    for start in ("", f"{tmp_path}/", "./"):
        expected = [os.path.normpath(n) for n in glob.glob(start + pattern, recursive=True) if os.path.isfile(n)]
        if expected:
            assert sorted(map(os.path.normpath, list_images(start + pattern).images)) == sorted(set(expected))
        else:
            with pytest.raises(AdshiftError, match="matches no file"):
                list_images(start + pattern)


@pytest.mark.parametrize(("bad", "code"), [(0, 4), (1, 3)])
def test_what_was_not_read_has_a_status_of_its_own(run: Path, tmp_path: Path, bad: int, code: int) -> None:
    source = half_read(tmp_path / "half")
    for i in range(bad):
        photograph(source / f"bad{i}.png", 600 + i, defect=(20, 40, 12, 6))
    done = predict(run, source, f"hydra.run.dir={tmp_path / 'out'}", "fail_on_anomaly=true")
    assert (done.code, summary(tmp_path / "out")["skipped"]) == (code, 1)
    assert predict(run, source, f"hydra.run.dir={tmp_path / 'out'}").code == 0
    (source / "cut.png").unlink()
    assert predict(run, source, f"hydra.run.dir={tmp_path / 'o'}", "fail_on_anomaly=true").code == (3 if bad else 0)


def test_a_share_that_is_not_mounted_is_not_read(run: Path, tmp_path: Path) -> None:
    source = photographs(tmp_path / "line", 1, 500)
    (source / "day2").symlink_to("/nowhere/day2")
    done = predict(run, source, f"hydra.run.dir={tmp_path / 'out'}", "fail_on_anomaly=true")
    assert done.code == 4
    assert "day2 does not exist" in done.err


def test_almost_black_images_are_told_as_the_doctor_tells_them(run: Path, tmp_path: Path) -> None:
    source = photographs(tmp_path / "line", 1, 500)
    twelve_bits = plate(501)[:, :, 0].astype(np.uint16) * 16
    Image.fromarray(twelve_bits).save(source / "raw.png")
    Image.new("RGB", (64, 64), (90, 90, 90)).save(source / "flat.png")
    done = predict(run, source, f"hydra.run.dir={tmp_path / 'out'}")
    told = [line.partition("line/")[2] for line in done.err.splitlines() if line.startswith("adshift: note:")]
    by_doctor = [p.line().partition("line/")[2] for p in examine(source) if p.file in ("line/raw.png", "line/flat.png")]
    assert sorted(told) == sorted(by_doctor)
    assert [line.split(" (")[0] for line in sorted(told)] == [
        "flat.png is one colour throughout",
        "raw.png is almost black",
    ]
    assert summary(tmp_path / "out")["suspicious"] == 2
    assert "2 with values that can hardly be meant" in done.out.splitlines()[0]


def test_in_python_a_folder_is_its_images(detector: Detector, tmp_path: Path) -> None:
    share = camera_share(tmp_path / "share")
    (tmp_path / "empty").mkdir()
    paths = list(list_images(str(share)).images)
    one_by_one = {found.name: found.score for found in detector.predict(paths)}
    for images in (share, str(share), [share], [tmp_path / "elsewhere", share]):
        found = {each.name: each.score for each in detector.predict(images, num_workers=2)}
        assert {name: found[name] for name in one_by_one} == pytest.approx(one_by_one, rel=1e-5)
    told: list[tuple[str, str]] = []
    assert list(detector.predict(tmp_path / "empty", on_error=lambda *what: told.append(what))) == []
    says = "is a folder without an image; name an image, or a folder that holds some"
    assert told == [(str(tmp_path / "empty"), f"image {tmp_path / 'empty'} {says}")]


def test_one_channel_is_grey(detector: Detector) -> None:
    grey = plate(3)[:, :, 0]
    scores = [found.score for found in detector.predict([grey, grey[:, :, None], np.dstack([grey] * 3)])]
    assert scores == pytest.approx([scores[0]] * 3, rel=1e-6)
    (alone,) = detector.predict(grey[:, :, None])
    assert alone.score == pytest.approx(scores[0], rel=1e-5)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (b"\x89PNG and more", "13 bytes is no image"),
        (bytearray(5), "5 bytes is no image"),
        (7, "7 of type int is no image"),
        (None, "None of type NoneType is no image"),
        (np.zeros((64, 64), np.uint16), r"ndarray of shape \(64, 64\) and type uint16"),
        (np.zeros(100, np.uint8), r"ndarray of shape \(100,\) and type uint8"),
        (torch.zeros(3, 64, 64), r"Tensor of shape \(3, 64, 64\) and type torch\.float32"),
        ([b"PNG"], "3 bytes is no image"),
        ([["a.png"]], r"\['a\.png'\] of type list is no image"),
        ([np.zeros((8, 8, 2), np.uint8)], r"\(8, 8, 2\)"),
    ],
)
def test_a_message_says_what_was_given(detector: Detector, images: Any, says: str) -> None:
    with pytest.raises(AdshiftError, match=says) as caught:
        list(detector.predict(images))
    assert "give a path, a Pillow image, or a uint8 array" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_open_file_is_one_image_that_was_given_wrongly(detector: Detector, tmp_path: Path) -> None:
    photograph(tmp_path / "a.png", 1)
    with (
        (tmp_path / "a.png").open("rb") as handle,
        pytest.raises(AdshiftError, match="of type BufferedReader is no image"),
    ):
        list(detector.predict(handle))  # type: ignore[arg-type]


def test_outputs_of_a_run_do_not_keep_it_from_being_copied_and_read(run: Path, tmp_path: Path) -> None:
    """A photograph that lies beside a run's folder of pictures, in a folder of another name, is a photograph."""
    shutil.copytree(run, tmp_path / "run")
    photographs(tmp_path / "run" / "line", 1)
    assert len(list_images(str(tmp_path / "run" / "line")).images) == 1
