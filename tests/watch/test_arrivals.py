"""Which files are whole and new: written in one go, slowly, renamed, touched, in folders of their own, or never whole."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adshift.watch import arrivals as module
from adshift.watch.arrivals import Arrivals


class Known:
    """What has been judged, by path, size and time of change."""

    def __init__(self) -> None:
        self.files: set[tuple[str, int, int]] = set()

    def __call__(self, path: str, size: int, modified_ns: int) -> bool:
        return (path, size, modified_ns) in self.files

    def judged(self, path: str) -> None:
        stat = os.stat(path)
        self.files.add((path, stat.st_size, stat.st_mtime_ns))


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.fixture(params=[True, False], ids=["notices", "looks"])
def arrivals(request: pytest.FixtureRequest, tmp_path: Path, known: Known) -> Iterator[Arrivals]:
    source = tmp_path / "camera"
    source.mkdir(exist_ok=True)
    made = Arrivals(
        source, known, settle=0.2, patience=0.6, poll=60.0 if request.param else 0.05, notices=request.param
    )
    yield made
    made.close()


def take(arrivals: Arrivals, known: Known, wait: float = 3.0) -> str | None:
    path = arrivals.take(wait)
    if path is not None:
        known.judged(path)
        arrivals.done(path)
    return None if path is None else os.path.basename(path)


def test_a_file_is_told_once(arrivals: Arrivals, known: Known, tmp_path: Path) -> None:
    assert arrivals.take(0.05) is None
    (tmp_path / "camera" / "a.png").write_bytes(b"whole")
    assert take(arrivals, known) == "a.png"
    assert take(arrivals, known, 0.4) is None
    assert arrivals.idle()


def test_a_file_that_grows_is_told_when_it_is_whole(arrivals: Arrivals, known: Known, tmp_path: Path) -> None:
    place = tmp_path / "camera" / "slow.png"

    def write() -> None:
        with place.open("wb", buffering=0) as handle:
            for _ in range(8):
                handle.write(b"piece")
                time.sleep(0.08)

    writer = threading.Thread(target=write)
    writer.start()
    path = arrivals.take(5.0)
    assert path is not None
    assert place.stat().st_size == 40
    writer.join()


def test_the_order_is_that_of_arrival(arrivals: Arrivals, known: Known, tmp_path: Path) -> None:
    for age, name in ((30, "b.png"), (10, "c.jpg"), (20, "a.PNG")):
        (tmp_path / "camera" / name).write_bytes(b"x")
        os.utime(tmp_path / "camera" / name, (time.time() - age,) * 2)
    time.sleep(0.3)
    assert [take(arrivals, known) for _ in range(3)] == ["b.png", "a.PNG", "c.jpg"]


def test_what_is_no_image_or_hidden_or_an_output_is_passed_over(
    arrivals: Arrivals, known: Known, tmp_path: Path
) -> None:
    own = tmp_path / "camera" / "outputs" / "overlays"
    own.mkdir(parents=True)
    (own.parent / "predictions.csv").write_text("path,score,threshold,decision,overlay,map,error,p_value\n")
    for place in (own / "a.png", tmp_path / "camera" / ".b.png", tmp_path / "camera" / "c.png.part"):
        place.write_bytes(b"x")
    (tmp_path / "camera" / "d.png").mkdir()
    assert take(arrivals, known, 0.6) is None
    (tmp_path / "camera" / "c.png.part").rename(tmp_path / "camera" / "c.png")
    assert take(arrivals, known) == "c.png"


def test_a_folder_that_is_moved_in_is_looked_into(arrivals: Arrivals, known: Known, tmp_path: Path) -> None:
    (tmp_path / "tray").mkdir()
    (tmp_path / "tray" / "a.png").write_bytes(b"x")
    arrivals.take(0.05)
    (tmp_path / "tray").rename(tmp_path / "camera" / "tray")
    assert take(arrivals, known) == "a.png"


def test_what_never_becomes_an_image_is_given_up(arrivals: Arrivals, tmp_path: Path) -> None:
    (tmp_path / "camera" / "a.png").write_bytes(b"half")
    path = arrivals.take(3.0)
    assert path is not None
    begun, tries = time.monotonic(), 0
    while not arrivals.unreadable(path):
        tries += 1
        assert arrivals.take(3.0) == path
    assert 0.3 < time.monotonic() - begun < 3.0
    assert 1 <= tries <= 8


def test_one_that_is_gone_or_changed_is_no_part_yet(arrivals: Arrivals, known: Known, tmp_path: Path) -> None:
    place = tmp_path / "camera" / "a.png"
    place.write_bytes(b"first")
    assert take(arrivals, known) == "a.png"
    place.write_bytes(b"another content")  # a camera that uses its names again
    assert take(arrivals, known) == "a.png"
    place.unlink()
    assert arrivals.idle()


def test_more_files_than_there_is_room_for(tmp_path: Path, known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM", 8)
    for i in range(50):
        (tmp_path / f"{i:02}.png").write_bytes(b"x")
        os.utime(tmp_path / f"{i:02}.png", (1000 + i,) * 2)
    arrivals = Arrivals(tmp_path, known, 0.2, 0.6, 60.0, notices=False)
    assert [take(arrivals, known) for _ in range(50)] == [f"{i:02}.png" for i in range(50)]
    assert arrivals.idle()
