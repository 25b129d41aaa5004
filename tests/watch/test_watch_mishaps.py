"""A watch among other names of its folder, files that nobody can read, clocks that are wrong, and data bases in use."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.images import draw, draw_category, tiny_overrides
from helpers.inprocess import run_cell
from helpers.watching import chosen
from PIL import Image

import adshift.watch.account as account_module
import adshift.watch.book as book_module
import adshift.watch.line as line_module
from adshift.appearance.looks import LOOKS
from adshift.data.listing import REASONS, walk
from adshift.errors import AdshiftError
from adshift.watch.alarm import photographable, words
from adshift.watch.arrivals import Arrivals
from adshift.watch.book import Book
from adshift.watch.database import NAME
from adshift.watch.job import watched
from adshift.watch.photographs import collect
from adshift.watch.records import Epoch, Part
from adshift.watch.usual import usual_looks


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    for i in range(2):
        draw(tmp_path / "camera" / f"{i}.png", 5000 + i)
        os.utime(tmp_path / "camera" / f"{i}.png", (10**9 + i,) * 2)
    return tmp_path / "camera"


def parts_of(out: Path) -> list[Part]:
    book = Book(out / NAME)
    found = list(book.parts())
    book.close()
    return found


def test_the_same_folder_by_another_name_is_judged_once(
    run: Path, camera: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    watched(chosen(run, camera), out)
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to(camera)
    for name in ("camera", "link", "camera/../camera"):
        watched(chosen(Path(os.path.relpath(run)), Path(name)), out)
    assert [part.path for part in parts_of(out)] == [str(camera / "0.png"), str(camera / "1.png")]


def test_a_file_that_cannot_be_read_becomes_a_row_and_does_not_hold_up_the_end(
    run: Path, camera: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = line_module.file_sha256

    def refused(path: Path) -> str:
        if path.name == "0.png":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(line_module, "file_sha256", refused)
    for _ in range(2):
        watched(chosen(run, camera, settle=0.05, patience=0.1), tmp_path / "out")
    other, denied = parts_of(tmp_path / "out")
    assert other.score is not None
    assert (denied.score, denied.sha256) == (None, "")
    assert "0.png cannot be read (Permission denied)" in denied.error
    monkeypatch.undo()
    os.utime(camera / "0.png")
    watched(chosen(run, camera), tmp_path / "out")
    assert parts_of(tmp_path / "out")[-1].score is not None


def test_a_file_of_the_year_2300_is_judged_once(run: Path, camera: Path, tmp_path: Path) -> None:
    os.utime(camera / "1.png", (10_413_792_000,) * 2)
    for _ in range(2):
        watched(chosen(run, camera, settle=0.05), tmp_path / "out")
    assert len(parts_of(tmp_path / "out")) == 2


def test_the_output_folder_is_never_what_is_watched(run: Path, camera: Path, tmp_path: Path) -> None:
    with pytest.raises(AdshiftError, match=r"is the output folder too.*hydra\.run\.dir=FOLDER"):
        watched(chosen(run, camera), camera)
    assert not (camera / NAME).exists()
    watched(chosen(run, camera, pictures="all"), tmp_path / "out")
    with pytest.raises(AdshiftError, match="holds pictures that a program of adshift wrote"):
        watched(chosen(run, tmp_path / "out" / "overlays"), tmp_path / "other")


def test_a_run_that_is_gone_hinders_no_other_run(run: Path, camera: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    shutil.copytree(run, first)
    watched(chosen(first, camera), tmp_path / "out")
    shutil.rmtree(first)
    watched(chosen(run, camera, repair="threshold", auto=True), tmp_path / "out")
    assert len(parts_of(tmp_path / "out")) == 2


def test_a_data_base_that_refuses_is_told_in_a_line(
    run: Path, camera: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(book_module.Book, "add", full)
    with pytest.raises(AdshiftError, match=r"watch.sqlite cannot be used \(database or disk is full\)"):
        watched(chosen(run, camera), tmp_path / "out")


def test_pictures_of_fewer_than_no_parts_are_refused(run: Path, camera: Path, tmp_path: Path) -> None:
    with pytest.raises(AdshiftError, match="max_pictures=-1 must be >= 0"):
        watched(chosen(run, camera, max_pictures=-1), tmp_path / "out")


def test_names_that_are_no_unicode_in_every_table(book: Book) -> None:
    odd = os.fsdecode(b"/camera\xff")
    assert book.fact("source", odd) == book.fact("source", "another") == odd
    epoch = Epoch(1, 0.0, odd, "", None, None, None, 0, 0.01, 0, (), "the watch begins", odd)
    book.begin(epoch)
    assert book.epochs() == [epoch]


def test_a_folder_that_goes_and_comes_back_is_looked_into_and_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "camera"
    source.mkdir()
    arrivals = Arrivals(source, lambda *_: False, settle=0.05, patience=0.1, poll=0.1)
    source.rename(tmp_path / "away")
    assert arrivals.take(0.3) is None
    assert capsys.readouterr().err.count("camera cannot be listed (No such file or directory)") == 1
    with pytest.raises(AdshiftError, match="camera cannot be listed"):
        arrivals.idle()
    source.mkdir()
    arrivals.take(0.3)
    arrivals._poll = 60.0
    arrivals.take(0.3)
    (source / "a.png").write_bytes(b"x")  # the system tells it of the new folder
    begun = time.monotonic()
    assert arrivals.take(5.0) == str(source / "a.png")
    assert time.monotonic() - begun < 2.0
    arrivals.close()


def test_a_folder_that_goes_while_it_is_listed_is_passed_over(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(b"x")
    (tmp_path / "0.png").write_bytes(b"x")
    found = walk(tmp_path, dict.fromkeys(REASONS, 0))
    assert next(found)[1] == ("0.png",)
    shutil.rmtree(tmp_path / "a")
    assert [parts for _, parts in found] == [("b", "0.png")]


def test_photographs_are_of_the_files_that_are_still_there(tmp_path: Path) -> None:
    parts = []
    for i in range(1, 601):
        place = tmp_path / "camera" / f"{i}.png"
        place.parent.mkdir(exist_ok=True)
        held = str(i).encode()
        if i > 500:  # a line that clears its folder fast
            place.write_bytes(held)
        parts.append(Part(i, 1, str(place), hashlib.sha256(held).hexdigest(), 1, i, 0.0, 0.5, None, None, None))
    said = [parts.pop(510), parts.pop(520)]
    labels = {said[0].sha256: ("", True), said[1].sha256: ("", False)}
    for _ in range(2):
        assert collect(tmp_path / "photographs", said, iter(parts), labels, 40) == 40
        assert len(list((tmp_path / "photographs").glob("*.png"))) == 40
        assert len(list((tmp_path / "photographs" / "test" / "bad").iterdir())) == 1


def test_all_parts_since_a_change_may_become_photographs(book: Book) -> None:
    for i in range(1, 1001):
        book.add(Part(i, 1, f"{i}.png", f"{i}", 1, i, 0.0, 0.5, None, None, None))
    book.label("600", "copy.png", True, 0.0)
    said, others = photographable(book, 1, 400)
    assert [part.number for part in said] == [600]
    assert [part.number for part in others] == [*range(400, 600), *range(601, 1001)]


@pytest.fixture(scope="module")
def alarmed(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a watch of a line that was darker from the first part on; its camera is beside it."""
    base = tmp_path_factory.mktemp("dark")
    for i in range(36):
        place = base / "camera" / f"{i:02}.png"
        draw(place, 5000 + i)
        Image.fromarray((np.asarray(Image.open(place), np.float64) * 0.75).astype(np.uint8)).save(place)
        os.utime(place, (10**9 + i,) * 2)
    (base / "out" / "alarms" / "001" / "photographs").mkdir(parents=True)
    (base / "out" / "alarms" / "001" / "photographs" / "00000001_old.png").write_bytes(b"of another data base")
    watched(chosen(run, base / "camera"), base / "out")
    return base / "out"


def test_a_line_that_was_another_from_the_first_part_on(alarmed: Path) -> None:
    book = Book(alarmed / NAME)
    (alarm,) = book.alarms()
    book.close()
    assert alarm.since <= 3
    assert alarm.told["words"][0].startswith("anomaly score: higher, median ")
    assert not (alarmed / "alarms" / "001" / "photographs" / "00000001_old.png").exists()


def test_an_alarm_without_new_parts_is_told_anew_once_at_most(
    run: Path, alarmed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    real = account_module.Account._told
    monkeypatch.setattr(account_module.Account, "_told", lambda self, *a: told.append(1) or real(self, *a))
    monkeypatch.setattr("adshift.watch.job.STEP", 0.01)
    idle = iter((False,) * 20 + (True,))
    monkeypatch.setattr(Arrivals, "idle", lambda _: next(idle))
    watched(chosen(run, alarmed.parent / "camera"), alarmed)
    assert len(told) == 1


def test_a_score_that_has_not_moved_is_called_neither_higher_nor_lower() -> None:
    part = Part(1, 1, "a.png", "", 1, 1, 0.0, 0.5, None, None, None, looks=(float("nan"),) * len(LOOKS))
    epoch = Epoch(1, 0.0, "run", "", None, None, None, 0, 0.01, 0, (), "the watch begins")
    assert words(epoch, (), [part] * 9, [part] * 9, ["noise"])[0] == (
        "anomaly score: as high as before, median 0.5 to 0.5"
    )
    assert words(epoch, [0.1], [], [part] * 9, [])[0] == "anomaly score: higher, median 0.1 to 0.5"


def test_the_time_of_a_file_on_a_share_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(bytes(9))  # as large as it will be, and not filled yet
    os.utime(tmp_path / "a.png", (time.time() - 3600,) * 2)  # by the share's clock
    arrivals = Arrivals(tmp_path, lambda *_: False, settle=0.3, patience=0.6, poll=0.05, notices=False)
    assert arrivals.take(0.15) is None
    assert arrivals.take(1.0) is not None
    assert not arrivals.unreadable(str(tmp_path / "a.png"))


def test_a_run_of_several_categories_begins_with_its_own_looks_and_promises_no_repair_that_fails(
    tmp_path: Path,
) -> None:
    for name in ("plate", "disc"):
        draw_category(tmp_path / "data", name, 24, 3, 3)
    cell = [word for word in tiny_overrides(tmp_path / "data") if not word.startswith("data.category")]
    cell[0] = "data=unified"
    run_cell(tmp_path / "run", *cell, "data.categories=[plate,disc]", "threshold=conformal")
    for i in range(70):
        place = tmp_path / "camera" / f"{i:02}.png"
        draw(place, 5000 + i)
        Image.fromarray((np.asarray(Image.open(place), np.float64) * 0.6).astype(np.uint8)).save(place)
    keys = chosen(tmp_path / "run", tmp_path / "camera", category="plate")
    with pytest.raises(AdshiftError, match=r"auto=true cannot repair run=.*several categories"):
        watched({**keys, "repair": "threshold", "auto": True}, tmp_path / "auto")
    watched(keys, tmp_path / "out")
    book = Book(tmp_path / "out" / NAME)
    (epoch,), (alarm,) = book.epochs(), book.alarms()
    book.close()
    assert len(epoch.looks) == 24
    assert alarm.told["commands"] == []
    assert "fit one, data.category=NAME" in alarm.told["words"][-1]


def test_images_of_another_domain_than_the_threshold_rests_on_are_not_what_is_usual(run: Path, tmp_path: Path) -> None:
    run_cell(tmp_path / "evaluated", f"run={run}", "domain=photometric", "adaptation=threshold", script="evaluate.py")
    looks, told = usual_looks(tmp_path / "evaluated", None, 64, None, 0, lambda _: "")
    assert looks == ()
    assert "calibrated on images of another domain" in told
    assert len(usual_looks(run, None, 64, None, 0, lambda _: "")[0]) == 60
