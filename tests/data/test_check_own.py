"""The doctor judges one's own folder as train.py takes it; the command that train.py names is about that folder alone."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.cases import dotted, half_read, layout, loco, ok_nok, webp
from helpers.inprocess import invoke
from helpers.plates import photograph, photographs

from adshift.data.acquire import acquire, verify_files
from adshift.data.check.__main__ import main as check
from adshift.data.check.doctor import examine
from adshift.errors import AdshiftError

QUICK = ("backbone=small", "image_size=64", "metrics.bootstrap=0", "metrics.latency=false", "data.num_workers=0",
         "logger=none")  # fmt: skip


def mixed(folder: Path) -> None:
    photographs(folder, 6)
    photographs(folder / "bad", 2, 50)


def good_and_test(folder: Path) -> None:
    photographs(folder, 6)
    photograph(folder / "test" / "cut" / "a.png", 50, defect=(8, 8, 8, 8))


def folders_of_folders(folder: Path) -> None:
    photographs(folder / "day1" / "good", 6)


def without_good(folder: Path) -> None:
    photographs(folder / "test" / "good", 6)


def with_a_cut_one(folder: Path) -> None:
    photographs(folder, 6)
    half_read(folder)


FOLDERS: dict[str, tuple[Callable[[Path], object], int]] = {
    "layout": (layout, 0), "webp": (webp, 0), "oknok": (ok_nok, 2), "dots": (dotted, 0), "mixed": (mixed, 2),
    "three": (lambda folder: photographs(folder, 3), 2), "five": (lambda folder: photographs(folder, 5), 0),
    "good_and_test": (good_and_test, 0), "deep": (folders_of_folders, 2), "without_good": (without_good, 2),
    "cut": (with_a_cut_one, 2), "empty": (lambda folder: folder.mkdir(), 2),
}  # fmt: skip


@pytest.mark.parametrize("name", FOLDERS)
def test_the_doctor_judges_a_folder_as_train_does(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw, status = FOLDERS[name]
    draw(tmp_path / name)
    done = invoke(
        "train.py", "data=folder", f"data.root={tmp_path / name}", *QUICK, f"hydra.run.dir={tmp_path / 'run'}"
    )
    assert (done.code, check([str(tmp_path / name)])) == (status, status), done.err
    assert all(line.split(": ")[1].startswith(name) for line in capsys.readouterr().out.splitlines())


def test_ok_and_nok_are_told_by_name(tmp_path: Path) -> None:
    (found,) = [p for p in examine(ok_nok(tmp_path / "oknok")) if p.severity == "error"]
    assert "it holds the folders NOK, OK: point data.root at one of good images alone" in found.what


def test_a_root_of_category_folders_is_looked_through_whole(tmp_path: Path) -> None:
    loco(tmp_path / "root")
    layout(tmp_path / "root" / "bolt")
    for name in ("bolt", "widget"):
        (tmp_path / "root" / name / "train" / "good" / "000.png").write_bytes(b"")
    assert {p.file.partition("/")[0] for p in examine(tmp_path / "root")} == {"bolt", "widget"}
    assert {p.file.partition("/")[0] for p in examine(tmp_path / "root" / "bolt")} == {"bolt"}


def test_the_folder_that_one_stands_in_is_judged_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photographs(tmp_path / "photos", 6))
    assert [p.file for p in examine(Path("."))] == ["photos/test"]


def told_command(message: str) -> list[str]:
    words = re.search(r"\(and \d+ more: (.*) lists all\)", message)
    assert words is not None, message
    return shlex.split(words[1])


@pytest.mark.parametrize("name", ["broken", "plate (new)", "it's"])
def test_the_command_that_train_names_is_about_this_folder_alone(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (tmp_path / "line" / name, tmp_path / "line" / "sibling"):
        photographs(folder, 6)
        for place in ("001.png", "003.png"):
            (folder / place).write_bytes(b"")
    with pytest.raises(AdshiftError) as caught:
        acquire_and_verify("folder", tmp_path / "line", [name])
    command = told_command(str(caught.value))
    assert command[:3] == ["python", "-m", "adshift.data.check"]
    assert check(command[3:]) == 2
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("error")]
    assert [line.split(" is ")[0] for line in lines] == [f"error: {name}/{place}" for place in ("001.png", "003.png")]


def test_the_command_for_several_categories_and_other_layouts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c"):
        layout(tmp_path / name)
        (tmp_path / name / "train" / "good" / "000.png").write_bytes(b"")
    for source in ("folder", "mvtec_loco"):
        with pytest.raises(AdshiftError) as caught:
            acquire_and_verify(source, tmp_path, ["a", "b"])
        assert check(told_command(str(caught.value))[3:]) == 2
        out = capsys.readouterr().out
        assert ("a/train/good/000.png" in out, "b/train/good/000.png" in out, "c/train" in out) == (True, True, False)


def test_train_names_it_too(tmp_path: Path) -> None:
    folder = dotted(tmp_path / "dots")
    for place in ("001.png", "003.png"):
        (folder / place).write_bytes(b"")
    done = invoke("train.py", "data=folder", f"data.root={folder}", *QUICK, f"hydra.run.dir={tmp_path / 'run'}")
    assert told_command(done.err) == ["python", "-m", "adshift.data.check", str(folder)]


def acquire_and_verify(source: str, root: Path, names: list[str]) -> None:
    from adshift.data.own import check_command

    indices = acquire(source, root, names)
    verify_files(root, [s for index in indices for s in index.samples], check_command(source, root, names))
