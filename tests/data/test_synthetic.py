"""The procedural data set: what is drawn, what lies on disk, and what is refused."""

import hashlib
import json
import multiprocessing
from pathlib import Path

import cv2
import numpy as np
import pytest

from adshift.data import synthetic
from adshift.data.procedural.camera import CHANGE, PINHOLE, SPECK
from adshift.data.synthetic import CATEGORIES, Counts, draw, ensure
from adshift.errors import AdshiftError

FEW = Counts(train=2, test_good=1, per_defect=1)
DEFECTIVE = [(name, defect) for name in CATEGORIES for defect in synthetic.defects(name)]


def _hashes(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def _ensure_few(root: str, start: "multiprocessing.synchronize.Barrier") -> None:
    start.wait()
    ensure(Path(root), ["weave"], progress=False, counts=FEW)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("synthetic")
    ensure(root, progress=False, counts=FEW)
    return root


def test_the_default_counts_are_the_ones_promised() -> None:
    for category in CATEGORIES:
        paths = list(synthetic._paths(category, Counts()))
        assert sum(path.startswith("train/good/") for path in paths) == 100
        assert sum(path.startswith("test/good/") for path in paths) == 30
        defective = [path for path in paths if path.startswith("test/") and "/good/" not in path]
        assert len(defective) == 60
        assert len({path.split("/")[1] for path in defective}) == 4
        assert len(set(paths)) == 190


def test_layout_is_that_of_mvtec(few: Path) -> None:
    assert sorted(path.name for path in few.iterdir()) == sorted(CATEGORIES)  # and no draft left behind
    for category in CATEGORIES:
        kinds = synthetic.defects(category)
        expected = {"synthetic.json", "train/good/000.png", "train/good/001.png", "test/good/000.png"}
        expected |= {f"test/{kind}/000.png" for kind in kinds}
        expected |= {f"ground_truth/{kind}/000_mask.png" for kind in kinds}
        assert set(_hashes(few / category)) == expected
        manifest = json.loads((few / category / "synthetic.json").read_text())
        assert (manifest["version"], manifest["seed"]) == (synthetic.VERSION, 0)
        assert manifest["counts"] == {"train": 2, "test_good": 1, "per_defect": 1}


@pytest.mark.parametrize(("category", "defect"), DEFECTIVE)
def test_files_hold_what_is_drawn_in_rgb(few: Path, category: str, defect: str) -> None:
    sample = draw(category, f"test/{defect}/000.png")
    image = cv2.imread(str(few / category / "test" / defect / "000.png"), cv2.IMREAD_UNCHANGED)
    mask = cv2.imread(str(few / category / "ground_truth" / defect / "000_mask.png"), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert mask is not None
    assert image.shape == (256, 256, 3)
    assert image.dtype == np.uint8
    assert mask.shape == (256, 256)
    assert set(np.unique(mask)) == {0, 255}
    np.testing.assert_array_equal(image[..., ::-1], sample.image_HW3)
    np.testing.assert_array_equal(mask, sample.mask_HW)


@pytest.fixture(scope="module")
def drawn() -> dict[tuple[str, str], list[synthetic.Sample]]:
    return {
        (name, defect): [draw(name, f"test/{defect}/{index:03d}.png", seed=3) for index in range(4)]
        for name, defect in DEFECTIVE
    }


@pytest.mark.parametrize(("category", "defect"), DEFECTIVE)
def test_mask_is_where_the_image_was_changed(
    drawn: dict[tuple[str, str], list[synthetic.Sample]], category: str, defect: str
) -> None:
    for sample in drawn[category, defect]:
        change = np.abs(sample.image_HW3.astype(int) - sample.nominal_HW3.astype(int)).max(axis=2)
        inside = sample.mask_HW == 255
        assert not change[~inside].any()
        _, _, regions, _ = cv2.connectedComponentsWithStats(sample.mask_HW, connectivity=8)
        assert (regions[1:, cv2.CC_STAT_AREA] > SPECK).all()  # PRO counts every region alike
        # beyond the changed pixels the mask holds pinholes alone: islands of at most 12, none at its rim
        pinholes = inside & (change <= CHANGE)
        assert pinholes.sum() <= 0.25 * inside.sum()
        _, _, stats, _ = cv2.connectedComponentsWithStats(pinholes.astype(np.uint8), connectivity=4)
        assert (stats[1:, cv2.CC_STAT_AREA] <= PINHOLE).all()
        cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.uint8)
        outside = cv2.dilate((~inside).astype(np.uint8), cross) == 1
        assert not (pinholes & outside).any()


def test_every_mask_shows_something_and_covers_little(
    drawn: dict[tuple[str, str], list[synthetic.Sample]],
) -> None:
    areas = [np.count_nonzero(sample.mask_HW) for samples in drawn.values() for sample in samples]
    assert min(areas) >= 24
    assert max(areas) < 0.2 * 256 * 256
    assert min(areas) < 120
    assert max(areas) > 1000


def test_nominal_image_has_an_empty_mask_and_varies() -> None:
    for category in CATEGORIES:
        first, second = draw(category, "train/good/000.png"), draw(category, "train/good/001.png")
        assert not first.mask_HW.any()
        np.testing.assert_array_equal(first.image_HW3, first.nominal_HW3)
        apart = np.abs(first.image_HW3.astype(float) - second.image_HW3.astype(float)).mean()
        assert apart > 3


def test_same_seed_gives_the_same_bytes_in_any_order_and_subset(few: Path, tmp_path: Path) -> None:
    ensure(tmp_path, ["rack", "weave"], progress=False, counts=FEW)
    assert _hashes(tmp_path / "weave") == _hashes(few / "weave")
    assert _hashes(tmp_path / "rack") == _hashes(few / "rack")
    more = draw("nut", "train/good/001.png").image_HW3
    on_disk = cv2.imread(str(few / "nut/train/good/001.png"))
    assert on_disk is not None
    np.testing.assert_array_equal(on_disk[..., ::-1], more)


def test_another_seed_gives_other_images(few: Path, tmp_path: Path) -> None:
    ensure(tmp_path, ["nut"], seed=1, progress=False, counts=FEW)
    ours, theirs = _hashes(few / "nut"), _hashes(tmp_path / "nut")
    assert set(ours) == set(theirs)
    assert all(ours[name] != theirs[name] for name in ours)


def test_a_complete_category_is_left_alone(few: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in few.rglob("*")}
    ensure(few, progress=False, counts=FEW)
    assert {path: path.stat().st_mtime_ns for path in few.rglob("*")} == before


def test_another_seed_version_or_count_is_refused_by_name(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AdshiftError, match=r"seed=0.*seed=5.*another data.root, or delete") as caught:
        ensure(few, ["weave"], seed=5, progress=False, counts=FEW)
    assert "\n" not in str(caught.value)
    with pytest.raises(AdshiftError, match="counts="):
        ensure(few, ["weave"], progress=False)
    monkeypatch.setattr(synthetic, "VERSION", 99)
    with pytest.raises(AdshiftError, match=r"version=\d+, but version=99"):
        ensure(few, ["weave"], progress=False, counts=FEW)


@pytest.mark.parametrize("content", [None, "", "[1]", "{}"])
def test_a_folder_that_is_not_ours_is_never_touched(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "nut").mkdir()
    (tmp_path / "nut" / "mine.txt").write_text("keep")
    if content is not None:
        (tmp_path / "nut" / "synthetic.json").write_text(content)
    before = _hashes(tmp_path)
    with pytest.raises(AdshiftError, match="not overwritten"):
        ensure(tmp_path, ["weave", "nut"], progress=False, counts=FEW)
    assert _hashes(tmp_path) == before
    assert not (tmp_path / "weave").exists()


def test_unknown_names_counts_and_roots_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AdshiftError, match=r"category=carpet.*weave, nut, rack"):
        ensure(tmp_path, ["weave", "carpet"], progress=False, counts=FEW)
    with pytest.raises(AdshiftError, match=r"counts.train=0 must be at least 1"):
        ensure(tmp_path, progress=False, counts=Counts(train=0))
    with pytest.raises(AdshiftError, match="names no defect of weave"):
        draw("weave", "test/bent_tooth/000.png")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(AdshiftError, match="cannot be written"):
        ensure(tmp_path / "file", progress=False, counts=FEW)


def test_a_failure_on_the_way_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = synthetic._write_png

    def fail_late(path: Path, image: np.ndarray) -> None:
        if "test" in path.parts:
            raise OSError("no space left")
        whole(path, image)

    monkeypatch.setattr(synthetic, "_write_png", fail_late)
    with pytest.raises(AdshiftError, match="no space left"):
        ensure(tmp_path, ["weave"], progress=False, counts=FEW)
    assert list(tmp_path.iterdir()) == []


def test_two_processes_at_once_both_succeed(few: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    workers = [context.Process(target=_ensure_few, args=(str(tmp_path), start)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["weave"]
    assert _hashes(tmp_path / "weave") == _hashes(few / "weave")


def test_the_loser_of_the_rename_accepts_the_winner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def lose(draft: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        ensure(tmp_path, ["rack"], progress=False, counts=FEW)  # the other process gets there first
        (target / "winner").write_text("")
        return rename(draft, target)

    monkeypatch.setattr(Path, "rename", lose)
    ensure(tmp_path, ["rack"], progress=False, counts=FEW)
    assert [path.name for path in tmp_path.iterdir()] == ["rack"]
    assert (tmp_path / "rack" / "winner").exists()


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensure, "__kwdefaults__", {**(ensure.__kwdefaults__ or {}), "counts": FEW})
    assert synthetic.main([str(tmp_path), "--categories", "weave", "--seed", "2"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "weave")
    assert synthetic.main([str(tmp_path), "--categories", "weave"]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert "seed=2" in error[-1]
    assert "Traceback" not in "".join(error)
