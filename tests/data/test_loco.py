"""MVTec LOCO's layout, under its own name and as anybody's folder: masks are united, its own normals calibrate."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.cases import loco, loco_parts
from helpers.inprocess import invoke, run_cell
from helpers.plates import photographs
from PIL import Image

from adshift.data.acquire import acquire, unread
from adshift.data.check.__main__ import main as check
from adshift.data.check.doctor import examine
from adshift.data.dataset import read_pair
from adshift.data.layouts.by_name import LAYOUTS
from adshift.data.sample_keys import sample_hashes
from adshift.data.samples import CategoryIndex
from adshift.errors import AdshiftError
from adshift.launch.own_folder import completed
from adshift.shift.domain import Domain
from adshift.store.file_hashes import FileHashes

QUICK = ("backbone=small", "image_size=64", "metrics.bootstrap=0", "metrics.latency=false", "data.num_workers=0",
         "logger=none")  # fmt: skip
SOURCES = ("mvtec_loco", "folder")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return loco(tmp_path_factory.mktemp("loco"))


@pytest.fixture
def copied(root: Path, tmp_path: Path) -> Path:
    """One to damage."""
    shutil.copytree(root, tmp_path / "loco")
    return tmp_path / "loco"


def indexed(root: Path, source: str) -> CategoryIndex:
    return acquire(source, root, ["widget"])[0]


@pytest.mark.parametrize("source", SOURCES)
def test_the_masks_of_an_image_are_united_and_its_normals_calibrate(root: Path, source: str) -> None:
    index = indexed(root, source)
    kinds = (index.train_good, index.validation_good, index.test_good, index.test_anomalous)
    assert [len(kind) for kind in kinds] == [12, 6, 4, 4]
    for i, sample in enumerate(index.test_anomalous):
        mask = read_pair(root, sample, Domain())[1]
        assert mask is not None
        assert np.array_equal(mask > 0, np.logical_or(*loco_parts(i)))


def test_any_value_of_a_mask_numbers_a_kind_of_defect(copied: Path) -> None:
    path = copied / "widget/ground_truth/logical_anomalies/000/001.png"
    Image.fromarray(np.asarray(Image.open(path)) // 60).save(path)  # 4 of 255
    mask = read_pair(copied, indexed(copied, "folder").test_anomalous[0], Domain())[1]
    assert mask is not None
    assert np.array_equal(mask > 0, np.logical_or(*loco_parts(0)))


def test_the_runs_under_both_names_are_one(root: Path, tmp_path: Path) -> None:
    short = run_cell(tmp_path / "short", "data=folder", f"data.root={root / 'widget'}", *QUICK)
    named = ("data=mvtec_loco", f"data.root={root}", "data.category=widget", "split=official", "threshold=conformal")
    long = run_cell(tmp_path / "long", *named, *QUICK)
    assert short["counts"]["widget"] == {
        "train": 12, "calibration_normal": 6, "calibration_anomalous": 0, "test_normal": 4, "test_anomalous": 4,
    }  # fmt: skip
    assert short["threshold"]["widget"]["n"] == 6
    assert short["metrics"] == long["metrics"]
    assert short["metrics"]["macro"]["pixel_auroc"] is not None
    assert not [line for line in short["warnings"] if "mask" in line or "reads" in line]


def test_the_short_form_calibrates_on_what_is_kept_apart(root: Path, tmp_path: Path) -> None:
    def chosen(folder: Path) -> list[str]:
        return [o for o in completed(["data=folder", f"data.root={folder}"]) if o.startswith(("split", "crossfit"))]

    assert chosen(root / "widget") == ["split=official"]
    assert chosen(photographs(tmp_path / "photos", 6)) == ["split=official", "crossfit=5"]
    photographs(tmp_path / "photos" / "validation" / "good", 2, 50)
    assert chosen(tmp_path / "photos") == ["split=official"]


@pytest.mark.parametrize("arguments", [("widget",), ("--category", "widget", "--layout", "mvtec_loco"), ()])
def test_the_doctor_has_nothing_to_say(
    root: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    own = arguments[:1] == ("widget",)
    assert check([str(root / "widget") if own else str(root), *([] if own else arguments)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "of which split=study" not in line] == []


@pytest.mark.parametrize("source", SOURCES)
def test_damage_to_the_masks_is_told(copied: Path, source: str) -> None:
    truth = copied / "widget" / "ground_truth" / "logical_anomalies"
    shutil.rmtree(truth / "003")
    (truth / "002" / "001.png").write_bytes(b"")
    shutil.copytree(truth / "000", truth / "009")
    Image.fromarray(np.zeros((9, 64), np.uint8)).save(truth / "001" / "001.png")
    found = {p.file.removeprefix("widget/"): p.what for p in examine(copied, ["widget"], layout=LAYOUTS[source])}
    assert found["test/logical_anomalies/003.png"] == "has no mask"
    assert found["ground_truth/logical_anomalies/002/001.png"] == "is empty"
    assert found["ground_truth/logical_anomalies/001/001.png"].startswith("is 64 x 9, its image 64 x 64")
    assert found["ground_truth/logical_anomalies/009/000.png"].startswith("belongs to no image")


def test_a_mask_that_leads_out_is_refused(copied: Path, tmp_path: Path) -> None:
    mask = copied / "widget/ground_truth/logical_anomalies/000/001.png"
    shutil.move(mask, tmp_path / "outside.png")
    mask.symlink_to(tmp_path / "outside.png")
    with pytest.raises(AdshiftError, match=r"000/001\.png is a link that leaves the data root"):
        indexed(copied, "mvtec_loco")


def test_every_mask_of_an_image_is_in_the_stores_keys(copied: Path) -> None:
    samples = indexed(copied, "folder").test_anomalous
    mask = "widget/ground_truth/logical_anomalies/000/001.png"
    assert (
        sample_hashes(FileHashes(), copied, samples)[mask] == hashlib.sha256((copied / mask).read_bytes()).hexdigest()
    )


def test_folders_that_nothing_reads_are_named_and_never_to_be_converted(copied: Path, tmp_path: Path) -> None:
    base = copied / "widget"
    unread_folders = ("val/good", "validation/bad", "train/good/more", "test/good/day1", "ground_truth/good/000/deep")
    for name in unread_folders:
        photographs(base / name, 1, 900)
    (base / "notes").mkdir()
    (base / "notes" / "a.txt").write_text("no image")
    told = [p for p in examine(copied, ["widget"]) if "reads" in p.remedy or "reads" in p.what or "not read" in p.what]
    named = ("ground_truth/good/000/deep", "test/good/day1", "train/good/more", "val", "validation/bad")
    assert [p.file for p in told] == [f"widget/{name}" for name in named]
    assert not [p for p in examine(copied, ["widget"]) if "convert" in p.remedy]
    assert sorted(unread("folder", copied, ["widget"])) == sorted(p.line() for p in told)
    result = run_cell(tmp_path / "run", "data=folder", f"data.root={base}", *QUICK)
    assert [line for line in result["warnings"] if line.startswith("widget/val holds images that nothing reads; move")]


def test_what_is_missing_is_said_with_its_source(root: Path, tmp_path: Path) -> None:
    done = invoke("train.py", "data=mvtec_loco", f"data.root={root}", "data.category=sofa", *QUICK,
                  f"hydra.run.dir={tmp_path}")  # fmt: skip
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "holds no folder sofa; get MVTec LOCO AD (https://" in line
    assert "ground_truth/DEFECT/NAME" in line
