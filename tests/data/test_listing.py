"""Which images a folder holds: for a fit, the doctor, photographs of the target and a prediction alike."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.cases import NO_PICTURE, camera_share, dotted, predicted_into, webp
from helpers.plates import photograph, photographs

from adshift.data.check.doctor import examine
from adshift.data.listing import Listing, find_images, folders, holds_images, image_files
from adshift.data.photographs import index_photographs
from adshift.data.samples import CategoryIndex, index_category
from adshift.errors import AdshiftError


def names(folder: Path) -> list[str]:
    return [os.path.relpath(path, folder) for path in find_images(folder).images]


def passed(folder: Path) -> dict[str, int]:
    return {reason: count for reason, count in find_images(folder).passed.items() if count}


def test_a_camera_share_is_followed_through_links_and_counted(tmp_path: Path) -> None:
    share = camera_share(tmp_path / "share")
    assert names(share) == ["000.png", "001.png", "b.PNG", "c.JPG", "d.webp", "day1/000.png", "day2/000.png"]
    assert passed(share) == {"hidden": 3}
    assert find_images(share).in_words() == "3 passed over (3 hidden)"
    assert find_images(tmp_path / "elsewhere").in_words() == ""


def test_links_in_a_circle_end_and_every_folder_is_read_once_by_its_own_path(tmp_path: Path) -> None:
    photographs(tmp_path / "z" / "deep", 1)
    (tmp_path / "a").symlink_to("z")  # met first by name, and still not how the images are called
    (tmp_path / "z" / "deep" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    photographs(tmp_path, 1, 5)
    assert [name for name in names(tmp_path) if name.endswith(".png")] == ["000.png", "z/deep/000.png"]
    assert passed(tmp_path) == {"seen_already": 2}


def test_a_link_that_leads_nowhere_is_listed_so_that_whoever_reads_is_told(tmp_path: Path) -> None:
    """A share that is not mounted must not look like a folder without parts."""
    for name, target in (("day2", "/nowhere/day2"), ("x.png", "gone.png"), ("notes.txt", "gone.txt"), (".y", "gone")):
        (tmp_path / name).symlink_to(target)
    assert names(tmp_path) == ["day2", "x.png"]


def test_pictures_of_other_kinds_and_what_is_no_file_are_counted(tmp_path: Path) -> None:
    photographs(tmp_path, 1)
    for name in ("a.heic", "b.GIF", "notes.txt", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe.png")
    assert names(tmp_path) == ["000.png"]
    assert passed(tmp_path) == {"of_another_kind": 3}


def test_a_pipe_is_no_image_and_marks_no_folder(tmp_path: Path) -> None:
    """The folder is listed in a thread: before, it waited for somebody to write into the pipe of a result's name."""
    photograph(tmp_path / "000.png", 0)
    for name in ("001.png", "result.json", "predictions.csv"):
        os.mkfifo(tmp_path / name)
    found: list[Listing] = []
    listing = threading.Thread(target=lambda: found.append(find_images(tmp_path)), daemon=True)
    listing.start()
    listing.join(60)
    assert [listed.images for listed in found] == [(str(tmp_path / "000.png"),)]
    assert found[0].passed["of_another_kind"] == 1


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photographs(tmp_path / "closed", 1)
    listed = os.scandir

    def refuse(path: str) -> object:
        if os.path.basename(path) == "closed":
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(AdshiftError, match=r"closed cannot be listed \(Permission denied\); make it readable"):
        find_images(tmp_path)


def left_by_hydra(folder: Path, source: Path) -> None:
    (folder / ".hydra").mkdir(parents=True)
    shutil.copy(source, folder / "sample.png")
    (folder / "pictures").mkdir()
    shutil.copy(source, folder / "pictures" / "bolt.png")


def left_by_a_report(folder: Path, source: Path) -> None:
    (folder / "figures").mkdir(parents=True)
    shutil.copy(source, folder / "figures" / "roc.png")
    (folder / ".inputs").write_text("0" * 64)


def left_a_summary(folder: Path, source: Path) -> None:
    predicted_into(folder, source)
    (folder / "predictions.csv").unlink()
    (folder / "summary.json").write_text('{\n "run": "x",\n "images": 1\n}\n')


OUTPUTS = (predicted_into, left_by_hydra, left_by_a_report, left_a_summary)


@pytest.mark.parametrize("wrote", OUTPUTS)
def test_nothing_that_a_program_wrote_is_a_photograph(tmp_path: Path, wrote: Callable[[Path, Path], None]) -> None:
    photos = photographs(tmp_path / "photos", 6)
    wrote(photos / "out" / "first", photos / "000.png")
    photograph(photos / "out" / "mine" / "a.png", 50)
    assert names(photos) == [*(f"00{i}.png" for i in range(6)), "out/mine/a.png"]
    assert passed(photos) == {"written_by_adshift": 1}
    for inside in (path for path in (photos / "out" / "first").rglob("*") if path.is_dir() and path.name != ".hydra"):
        assert find_images(inside).images == ()
        assert image_files(inside) == []


@pytest.mark.parametrize("wrote", OUTPUTS)
def test_an_output_folder_may_be_that_of_the_photographs(tmp_path: Path, wrote: Callable[[Path, Path], None]) -> None:
    """The photographs right in it are still read, for a prediction, a fit, the doctor and as a target."""
    photos = photographs(tmp_path / "photos", 6)
    wrote(photos, photos / "000.png")
    (photos / "sample.png").unlink(missing_ok=True)
    expected = [f"00{i}.png" for i in range(6)]
    assert names(photos) == expected
    assert [path.name for path in image_files(photos)] == expected
    assert folders(photos) == []
    for index in (index_category(tmp_path, "photos"), *index_photographs(photos, ["photos"])):
        assert [Path(s.path).name for s in index.samples] == expected
    assert [(p.severity, p.file) for p in examine(photos)] == [("warning", "photos/test")]


def test_a_file_of_that_name_alone_makes_no_output_folder(tmp_path: Path) -> None:
    photographs(tmp_path / "pictures", 1)
    (tmp_path / "summary.json").write_text('{"parts": 3}')
    (tmp_path / "predictions.csv").write_text("image,label\n")
    assert names(tmp_path) == ["pictures/000.png"]


def in_parts(base: Path, names: tuple[str, ...]) -> None:
    for name in names:
        photographs(base / name / ".ipynb_checkpoints", 1)
        photographs(base / name / "@eaDir", 1)
        (base / name / "._000.png").write_bytes(NO_PICTURE)


def as_fit(folder: Path) -> CategoryIndex:
    return index_category(folder.parent, folder.name)


def as_target(folder: Path) -> CategoryIndex:
    return index_photographs(folder, [folder.name])[0]


@pytest.mark.parametrize("reads", [as_fit, as_target])
def test_hidden_names_are_passed_over_in_every_part(tmp_path: Path, reads: Callable[[Path], CategoryIndex]) -> None:
    base = tmp_path / "bolt"
    photographs(base / "train" / "good", 6)
    photographs(base / "test" / "good", 2, 20)
    for i in range(2):
        photograph(base / "test" / "cut" / f"{i}.png", 30 + i, defect=(8, 8, 8, 8))
        photograph(base / "ground_truth" / "cut" / f"{i}.png", 0)
    before = reads(base)
    in_parts(base, ("", "train", "train/good", "test", "test/good", "test/cut", "ground_truth", "ground_truth/cut"))
    assert reads(base) == before
    assert len(before.samples) == 10
    assert {s.mask is not None for s in before.test_anomalous} == {True}
    told = [p for p in examine(base) if "@eaDir" in p.line() or "._" in p.line() or ".ipynb" in p.line()]
    assert told == []


def test_good_photographs_with_other_programs_leavings_are_those_photographs(tmp_path: Path) -> None:
    assert [s.path for s in as_fit(dotted(tmp_path / "dots")).samples] == [f"dots/00{i}.png" for i in range(8)]
    assert [p.severity for p in examine(tmp_path / "dots")] == ["warning"]  # that nothing is there to test on


def test_webp_is_read_everywhere(tmp_path: Path) -> None:
    folder = webp(tmp_path / "webp")
    for index in (as_fit(folder), as_target(folder)):
        assert len(index.train_good) == 8
    assert [p.severity for p in examine(folder)] == ["warning"]


def test_linked_folders_are_read_in_a_fit_and_told_by_the_doctor(tmp_path: Path) -> None:
    photographs(tmp_path / "share" / "good", 6)
    (tmp_path / "bolt").mkdir()
    (tmp_path / "bolt" / "train").mkdir()
    (tmp_path / "bolt" / "train" / "good").symlink_to(tmp_path / "share" / "good")
    assert len(as_fit(tmp_path / "bolt").train_good) == 6
    root = tmp_path / "root"
    (root).mkdir()
    shutil.move(tmp_path / "bolt", root / "bolt")
    told = {p.file: p for p in examine(root, ["bolt"])}
    assert "link to a folder outside the data root" in told["bolt/train/good"].what
    assert told["bolt/train/good"].severity == "warning"


def test_whether_a_folder_holds_an_image_anywhere(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    photographs(tmp_path / "a" / ".hidden", 1)
    assert not holds_images(tmp_path)
    photographs(tmp_path / "a" / "b" / "c", 1)
    assert holds_images(tmp_path)
