"""data=folder: any folder of good images, flat or in MVTec layout, with or without test images."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from helpers.images import draw, draw_category, tiny_overrides
from helpers.inprocess import invoke, run_cell

from adshift.data.check.doctor import examine
from adshift.data.check.duplicates import is_train
from adshift.data.samples import index_category
from adshift.errors import AdshiftError
from adshift.launch.own_folder import _path, completed
from adshift.launch.quoting import quoted

SMALL = [o for o in tiny_overrides(Path("unused")) if not o.startswith("data.")] + ["data=folder", "data.num_workers=0"]
SMALL = list(dict.fromkeys(SMALL))


def flat(folder: Path, count: int = 12) -> Path:
    for i in range(count):
        draw(folder / f"{i:03}.png", i)
    return folder


def test_images_right_in_the_folder_are_the_good_ones(tmp_path: Path) -> None:
    flat(tmp_path / "photos", 3)
    (tmp_path / "photos" / "notes.txt").write_text("of the camera")
    (tmp_path / "photos" / ".cache").mkdir()
    draw(tmp_path / "photos" / ".cache" / "x.png", 5)
    (tmp_path / "photos" / "raw").mkdir()
    found = index_category(tmp_path, "photos")
    assert [s.path for s in found.train_good] == [f"photos/00{i}.png" for i in range(3)]
    assert found.test_good == found.test_anomalous == ()


def test_test_images_defects_and_masks_may_lie_beside_flat_good_ones(tmp_path: Path) -> None:
    draw_category(tmp_path, "part", train=4, good=2, defective=4)
    for path in (tmp_path / "part" / "train" / "good").iterdir():
        path.rename(tmp_path / "part" / path.name)
    shutil.rmtree(tmp_path / "part" / "train")
    found = index_category(tmp_path, "part")
    assert [s.path for s in found.train_good] == [f"part/00{i}.png" for i in range(4)]
    assert len(found.test_good) == 2
    assert [s.mask for s in found.test_anomalous][:1] == ["part/ground_truth/blot/000_mask.png"]
    assert all(is_train(s) for s in found.train_good)
    assert not any(is_train(s) for s in (*found.test_good, *found.test_anomalous))
    shutil.copy(tmp_path / "part" / "000.png", tmp_path / "part" / "test" / "good" / "again.png")
    told = [p for p in examine(tmp_path, ["part"]) if p.severity == "error"]
    assert [(p.file, "one is trained on, the other tested" in p.what) for p in told] == [
        ("part/test/good/again.png", True)
    ]


@pytest.mark.parametrize(
    ("also", "says"),
    [
        (("train/good/a.png",), "holds images itself and in train/good"),
        (("bad/a.png", "worse/a.png"), "holds images itself and in bad, worse"),
    ],
)
def test_a_mixture_is_refused_in_one_line(tmp_path: Path, also: tuple[str, ...], says: str) -> None:
    flat(tmp_path / "photos", 3)
    for name in also:
        draw(tmp_path / "photos" / name, 9)
    with pytest.raises(AdshiftError, match=says) as told:
        index_category(tmp_path, "photos")
    assert "\n" not in str(told.value)
    assert any(says in p.what for p in examine(tmp_path, ["photos"]) if p.severity == "error")


def test_a_folder_without_good_images_says_what_it_holds(tmp_path: Path) -> None:
    draw(tmp_path / "photos" / "ok" / "a.png", 1)
    draw(tmp_path / "photos" / "scratched" / "a.png", 2)
    with pytest.raises(AdshiftError, match=r"it holds the folders ok, scratched: point data\.root at one"):
        index_category(tmp_path, "photos")
    (tmp_path / "phone").mkdir()
    (tmp_path / "phone" / "a.HEIC").write_bytes(b"x")
    with pytest.raises(AdshiftError, match=r"it holds files ending in \.heic"):
        index_category(tmp_path, "phone")


def test_the_doctor_takes_a_flat_folder(tmp_path: Path) -> None:
    folder = flat(tmp_path / "photos", 6)
    assert [(p.severity, p.file) for p in examine(folder)] == [("warning", "photos/test")]
    (folder / "000.png").write_bytes(b"")
    assert ("error", "photos/000.png") in [(p.severity, p.file) for p in examine(folder)]
    (folder / "gone.png").symlink_to("nowhere.png")
    assert "leads nowhere" in str(examine(folder))


@pytest.mark.parametrize(
    "name", ["a b", "it's", "back\\slash", "x\\'y", "x\\\\'", "end\\", "a,b=c", "{z}[1]", "ünï", "3"]
)
def test_any_folder_name_survives_the_short_form(name: str) -> None:
    assert str(_path(f"data.root={quoted(name)}")) == name


def test_the_short_form_keeps_what_is_chosen() -> None:
    short = ["data=folder", "data.root=a/b"]
    long = ["data=folder", "data.root='a'", "data.category='b'"]
    assert completed(short) == [*long, "split=official", "crossfit=5", "threshold=conformal"]
    assert completed([*short, "crossfit=3"]) == [*long, "crossfit=3", "threshold=conformal"]
    assert completed([*short, "split=study", "threshold=sigma"]) == [*long, "split=study", "threshold=sigma"]
    for untouched in (
        ["data=carpet", "data.root=a"],
        ["data=folder"],
        [*short, "data.category=c"],
        ["data=folder", "data.root="],
    ):
        assert completed(untouched) == untouched


def test_good_images_alone_give_a_detector_with_a_promise(tmp_path: Path) -> None:
    """The short form, on nothing but forty good images: 40 out-of-fold scores can promise 5 %."""
    folder = flat(tmp_path / "photos", 40)
    done = invoke("train.py", *SMALL, f"data.root={folder}", "save_maps=true", "metrics.latency=true",
                  f"hydra.run.dir={tmp_path / 'run'}")  # fmt: skip
    assert done.code == 0, done.err
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    value = result["threshold"]["photos"]["value"]
    assert (
        f"photos: fitted on 40 good images; anomalous is a score of {value:.4g} or more, "
        "which promises about 5.0 % false alarms on good images that look like these.\n"
    ) in done.out
    assert "| - |" not in done.out  # no table of figures that nobody can have
    assert result["config"]["data"] | {"root": str(tmp_path), "name": "photos"} == result["config"]["data"]
    assert result["counts"]["photos"] == {
        "train": 40, "calibration_normal": 0, "calibration_anomalous": 0, "test_normal": 0, "test_anomalous": 0,
    }  # fmt: skip
    assert result["threshold"]["photos"]["kind"] == "conformal"
    assert result["threshold"]["photos"]["promised_rate"] == 0.05
    assert result["threshold"]["photos"]["n"] == 40
    assert {v for k, v in result["metrics"]["macro"].items()} == {None}
    assert any(w.startswith("photos: there is no test image: every figure is null") for w in result["warnings"])
    done = invoke("predict.py", f"run={tmp_path / 'run'}", f"source={folder}", f"hydra.run.dir={tmp_path / 'found'}")
    assert done.code == 0, done.err
    rows = list(csv.DictReader((tmp_path / "found" / "predictions.csv").open()))
    assert len(rows) == 40
    again = invoke("train.py", *SMALL, f"data.root={folder}", "save_maps=true", "metrics.latency=true",
                   f"hydra.run.dir={tmp_path / 'run'}")  # fmt: skip
    assert "finished already" in again.out


def test_few_images_and_a_held_out_split_say_what_they_can_promise(tmp_path: Path) -> None:
    folder = flat(tmp_path / "photos", 20)
    result = run_cell(tmp_path / "run", *SMALL, f"data.root={folder}", "split=standard")
    assert result["threshold"]["photos"]["promised_rate"] == pytest.approx(1 / 5)
    assert any("4 normals cannot promise alpha=0.05, at least 19 needed" in w for w in result["warnings"])
    refused = invoke("train.py", *SMALL, f"data.root={flat(tmp_path / 'three', 3)}", f"hydra.run.dir={tmp_path / 'x'}")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "crossfit=5 needs 5 train images of three, which has 3" in refused.err


def test_labels_that_are_there_are_used(tmp_path: Path) -> None:
    """The same short form on a folder in MVTec layout measures its test images; the long form keeps its defaults."""
    draw_category(tmp_path, "part", train=20, good=4, defective=4)
    result = run_cell(tmp_path / "short", *SMALL, f"data.root={tmp_path / 'part'}")
    assert result["counts"]["part"]["train"] == 20
    assert result["metrics"]["macro"]["image_auroc"] is not None
    assert result["metrics"]["macro"]["recall"] is not None
    done = run_cell(tmp_path / "long", *SMALL, f"data.root={tmp_path}", "data.category=part")
    assert json.dumps(done["config"]["split"]).count("StudySplit") == 1
    assert done["threshold"]["part"]["kind"] == "f1"
