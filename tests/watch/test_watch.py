"""A watch from its folder to its rows, its alarm and its repair; started again, and with files that are no images."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.images import draw
from helpers.inprocess import invoke, one_line
from helpers.watching import chosen, replayed
from PIL import Image

import adshift
from adshift.calibration.binomial import binomial_interval
from adshift.errors import AdshiftError
from adshift.watch.book import Book
from adshift.watch.database import NAME
from adshift.watch.job import watched
from adshift.watch.label import main as label
from adshift.watch.records import Alarm, Epoch, Part

Fill = Callable[..., list[str]]


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    """``fill(first, last, factor)`` puts images into the camera's folder, in order, and returns their paths."""

    def put(first: int, last: int, factor: float = 1.0, defect: bool = False) -> list[str]:
        paths = []
        for i in range(first, last):
            place = tmp_path / "camera" / f"{i:05}.png"
            draw(place, 5000 + i, defect=defect)
            if factor != 1.0:
                pixels = np.asarray(Image.open(place), np.float64) * factor
                Image.fromarray(pixels.astype(np.uint8)).save(place)
            os.utime(place, ns=(10**18 + i * 10**9,) * 2)
            paths.append(str(place))
        return paths

    (tmp_path / "camera").mkdir()
    return put


def held(out: Path) -> tuple[list[Part], list[Alarm], list[Epoch]]:
    book = Book(out / NAME)
    found = list(book.parts()), book.alarms(), book.epochs()
    book.close()
    return found


def test_each_image_is_judged_once_as_predict_judges_it(run: Path, tmp_path: Path, fill: Fill) -> None:
    paths = fill(0, 6) + fill(6, 8, defect=True)
    out = tmp_path / "out"
    watched(chosen(run, tmp_path / "camera", pictures="all", max_pictures=5), out)
    parts, alarms, (epoch,) = held(out)
    assert [part.path for part in parts] == paths
    found = list(adshift.load(run).predict(paths, batch_size=1))
    assert [part.score for part in parts] == [f.score for f in found]
    assert [(p.decision, p.p_value) for p in parts] == [(int(bool(f.anomalous)), f.p_value) for f in found]
    assert [part.decision for part in parts[-2:]] == [1, 1]
    assert alarms == []
    assert len(epoch.looks) >= 48
    assert epoch.normals > 10
    assert epoch.told == ""
    with (out / "predictions.csv").open() as handle:
        assert [(r["path"], float(r["score"])) for r in csv.DictReader(handle)] == [(p.path, p.score) for p in parts]
    assert len(list(out.glob("overlays/*/*.png"))) == len(list(out.glob("maps/*/*.png"))) == 5  # the last five
    assert [bool(part.overlay) for part in parts] == [False] * 3 + [True] * 5


def test_started_again_it_goes_on(run: Path, tmp_path: Path, fill: Fill) -> None:
    camera, out = tmp_path / "camera", tmp_path / "out"
    fill(0, 4)
    watched(chosen(run, camera), out)
    os.utime(camera / "00001.png")  # touched, nothing else
    draw(camera / "00002.png", 9999)  # written over
    shutil.copy(camera / "00003.png", camera / "00009.png")  # another part that looks the same
    fill(4, 6)
    watched(chosen(run, camera), out)
    parts, _, epochs = held(out)
    assert len(epochs) == 1
    assert sorted(Path(p.path).stem for p in parts) == [
        "00000",
        "00001",
        "00002",
        "00002",
        "00003",
        "00004",
        "00005",
        "00009",
    ]
    assert all(kept == pytest.approx(undisturbed, abs=1e-5) for kept, undisturbed in replayed(out))
    watched(chosen(run, camera), out)
    assert held(out)[0] == parts


def test_what_cannot_be_read_is_told_once_and_says_nothing_of_the_line(
    run: Path, tmp_path: Path, fill: Fill, capsys: pytest.CaptureFixture[str]
) -> None:
    camera, out = tmp_path / "camera", tmp_path / "out"
    fill(0, 2)
    whole = (camera / "00001.png").read_bytes()
    (camera / "half.png").write_bytes(whole[: len(whole) // 2])
    (camera / "text.png").write_text("no image")
    for _ in range(2):
        watched(chosen(run, camera, settle=0.1, patience=0.2), out)
    parts, _, _ = held(out)
    assert len(parts) == 4
    broken = {Path(p.path).name: p for p in parts if p.error}
    assert set(broken) == {"half.png", "text.png"}
    assert all((p.score, p.decision, p.level) == (None, None, None) for p in broken.values())
    assert capsys.readouterr().err.count("adshift: not judged: ") == 2
    (camera / "half.png").write_bytes(whole)
    watched(chosen(run, camera), out)
    assert held(out)[0][-1].score is not None


def test_a_change_is_noticed_told_and_repaired(
    run: Path, tmp_path: Path, fill: Fill, capsys: pytest.CaptureFixture[str]
) -> None:
    camera, out = tmp_path / "camera", tmp_path / "out"
    fill(0, 60)
    fill(60, 150, 0.85)
    before = {p.name: p.read_bytes() for p in run.iterdir() if p.is_file()}
    watched(chosen(run, camera, repair="threshold", auto=True, photographs=40), out)
    parts, (alarm,), (first, second) = held(out)
    assert 60 < alarm.number < 110
    assert abs(alarm.since - 61) <= 5
    told = alarm.told
    assert any(line.startswith("light: darker, ") for line in told["words"])
    assert (out / told["pictures"]).is_file()
    assert told["photographs"]["count"] == 40
    assert len(list(Path(told["photographs"]["folder"]).glob("*.png"))) == 40
    assert all("python" in command for command in told["commands"])
    assert "the promise is broken" in told["promise"]
    assert alarm.repaired == second.run == str(out / "repairs" / "001")
    assert second.why == "a new threshold after alarm 1"
    assert second.looks != first.looks
    assert {p.name: p.read_bytes() for p in run.iterdir() if p.is_file()} == before
    after = [part.decision for part in parts if part.epoch == 2]
    assert len(after) >= 10
    assert second.promised is not None
    low, high = binomial_interval(sum(map(bool, after)), len(after))
    assert low <= second.promised <= high
    printed = capsys.readouterr()
    assert "ALARM 1 at part" in printed.err
    assert "repaired with a new threshold" in printed.out
    fill(150, 155, 0.85)
    watched(chosen(run, camera, repair="threshold", auto=True), out)  # the repaired run still judges
    assert [p.epoch for p in held(out)[0][-5:]] == [2] * 5


def test_another_run_begins_another_epoch(run: Path, tmp_path: Path, fill: Fill) -> None:
    camera, out = tmp_path / "camera", tmp_path / "out"
    fill(0, 3)
    watched(chosen(run, camera), out)
    other = tmp_path / "other"
    shutil.copytree(run, other)
    calibration = json.loads((other / "calibration.json").read_text())
    calibration["image"]["plate"]["threshold"] *= 2
    (other / "calibration.json").write_text(json.dumps(calibration))
    fill(3, 5)
    watched(chosen(other, camera), out)
    watched(chosen(other, camera, again=True), out)
    parts, _, epochs = held(out)
    assert [epoch.why for epoch in epochs] == [
        "the watch begins", "another run or threshold judges", "asked for: again=true",
    ]  # fmt: skip
    assert parts[-1].threshold == pytest.approx(2 * (parts[0].threshold or 0))


def test_train_images_that_are_gone_are_told_and_the_watch_goes_on(
    run: Path, tmp_path: Path, fill: Fill, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(0, 2)
    watched(chosen(run, tmp_path / "camera", data_root=str(tmp_path / "nowhere")), tmp_path / "out")
    parts, _, (epoch,) = held(tmp_path / "out")
    assert len(parts) == 2
    assert epoch.looks == ()
    assert "data_root=FOLDER names where they lie now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"drift__delta": 0.0}, "drift.delta=0.0"),
        ({"settle": 0.0}, "settle=0.0 must be >= 0.01 seconds"),
        ({"patience": 0.5}, "patience=0.5 must be >= settle=1.0 seconds"),
        ({"photographs": 3}, "photographs=3 must be >= 20"),
        ({"auto": True}, "auto=true repair=advise"),
        ({"repair": "full"}, "repair=full must be one of: advise, threshold"),
        ({"source": "nowhere"}, "source=nowhere is no folder"),
    ],
)
def test_mistakes_are_told_before_anything_long_starts(
    run: Path, tmp_path: Path, keys: dict[str, Any], message: str
) -> None:
    source = keys.pop("source", tmp_path)
    with pytest.raises(AdshiftError, match=message):
        watched(chosen(run, source, **keys), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_belongs_to_one_source(run: Path, tmp_path: Path, fill: Fill) -> None:
    fill(0, 1)
    watched(chosen(run, tmp_path / "camera"), tmp_path / "out")
    (tmp_path / "other").mkdir()
    with pytest.raises(AdshiftError, match=r"is the watch of .*camera, and not of source=.*other"):
        watched(chosen(run, tmp_path / "other"), tmp_path / "out")


def test_the_command(run: Path, tmp_path: Path, fill: Fill) -> None:
    fill(0, 2)
    words = (f"run={run}", f"source={tmp_path / 'camera'}", f"hydra.run.dir={tmp_path / 'out'}", "once=true")
    done = invoke("adshift/watch/__main__.py", *words, "pictures=none")
    assert done.code == 0, done.err
    assert len(held(tmp_path / "out")[0]) == 2
    assert done.out.splitlines()[-1] == "2 new parts, 0 anomalous, 0 not read; 0 alarms in all"
    done = invoke("adshift/watch/__main__.py", *words, "drift.delta=2")
    assert done.code == 2
    assert "drift.delta=2" in one_line(done.err)


def test_a_name_that_is_no_unicode(run: Path, tmp_path: Path, fill: Fill, capsys: pytest.CaptureFixture[str]) -> None:
    camera, out = tmp_path / "camera", tmp_path / "out"
    (path,) = fill(0, 1)
    odd = os.fsdecode(os.fsencode(camera) + b"/\xff\x1b[31m.png")
    shutil.copy(path, odd)
    shutil.copy(path, f"{odd}.png")
    Path(f"{odd}.png").write_bytes(b"no image")
    for _ in range(2):
        watched(chosen(run, camera, settle=0.1, patience=0.1, pictures="all"), out)
    parts, _, _ = held(out)
    assert sorted(part.path for part in parts) == sorted([path, odd, f"{odd}.png"])
    printed = capsys.readouterr()
    assert "\x1b" not in printed.out + printed.err


def test_what_a_person_calls_bad_calibrates_nothing(run: Path, tmp_path: Path, fill: Fill) -> None:
    camera, out = tmp_path / "camera", tmp_path / "out"
    fill(0, 40)
    fill(40, 100, 0.8)
    watched(chosen(run, camera, photographs=25), out)
    _, (alarm,), _ = held(out)
    folder = Path(alarm.told["photographs"]["folder"])
    first = sorted(folder.glob("*.png"))
    assert len(first) == 25
    assert label([str(out / NAME), str(first[3]), "bad"]) == 0
    assert label([str(out / NAME), str(camera / "00099.png"), "good"]) == 0
    watched(chosen(run, camera, photographs=25), out)
    _, (alarm,), _ = held(out)
    assert [path.name for path in (folder / "test" / "bad").iterdir()] == [first[3].name]
    names = {path.name for path in folder.glob("*.png")}
    assert first[3].name not in names
    assert any(name.startswith("00099-") for name in names)
    assert alarm.told["photographs"]["count"] == 25
