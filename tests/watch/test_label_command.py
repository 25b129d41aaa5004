"""What a person says of parts, by their bytes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from adshift.system.hashes import file_sha256
from adshift.watch.book import Book
from adshift.watch.database import NAME
from adshift.watch.label import main
from adshift.watch.records import Part


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Four parts: three judged, one that could not be read."""
    line = tmp_path / "line"
    line.mkdir()
    with closing(Book(tmp_path / "out" / NAME, make=True)) as book:
        for number in range(1, 5):
            path = line / f"{number}.png"
            path.write_bytes(b"part %d" % number)
            score = 0.5 if number < 4 else None
            book.add(Part(number, 1, str(path), file_sha256(path), 6, 0, 0.0, score, None, None, None))
    return tmp_path / "out" / NAME


def _labels(db: Path) -> dict[str, bool]:
    with closing(Book(db)) as book:
        return {Path(path).name: good for path, good in book.labels().values()}


def _copy(db: Path, number: int, place: str, name: str) -> Path:
    copy = db.parent.parent / place / name
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(b"part %d" % number)
    return copy


def test_an_image_is_labelled_and_labelled_otherwise(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = str(db.parent.parent / "line" / "1.png")
    assert main([str(db), image, "good"]) == 0
    assert capsys.readouterr().out == "1 good and 0 bad labelled\n"
    assert main([str(db), image, "bad"]) == 0
    assert _labels(db) == {"1.png": False}


def test_a_folder_of_copies_is_labelled_by_what_they_hold(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _copy(db, 1, "said/good", "renamed.png")
    _copy(db, 2, "said/good/deep", "b.png")
    _copy(db, 3, "said/bad", "c.png")
    _copy(db, 8, "said/bad", "stranger.png")
    _copy(db, 9, "said", "neither.png")
    assert main([str(db), str(db.parent.parent / "said")]) == 0
    told = capsys.readouterr()
    assert told.out == "2 good and 1 bad labelled\n"
    assert "never judged 1 of the images" in told.err
    assert "stranger.png" in told.err
    assert _labels(db) == {"renamed.png": True, "b.png": True, "c.png": False}
    with closing(Book(db)) as book:
        assert all(Path(path).is_absolute() for path, _ in book.labels().values())


@pytest.mark.parametrize(
    ("what", "verdict", "told"),
    [
        ("line/4.png", "good", "is nothing that this watch has judged"),  # it could not be read
        ("other/9.png", "bad", "is nothing that this watch has judged"),
        ("line/1.png", None, "has no verdict; write good or bad behind it"),
        ("line/none.png", "good", "does not exist"),
        ("line", None, "holds no folder good and none bad"),
        ("twice", None, "are the same image, called good and bad"),
        ("twice", "good", "is a folder, whose good/ and bad/ tell the verdict"),
    ],
)
def test_what_cannot_be_labelled_is_told_and_nothing_is_written(
    db: Path, what: str, verdict: str | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _copy(db, 9, "other", "9.png")
    for folder in ("twice/good", "twice/bad"):
        _copy(db, 1, folder, "1.png")
    assert main([str(db), str(db.parent.parent / what), *([verdict] if verdict else [])]) == 2
    err = capsys.readouterr().err
    assert err.startswith("adshift: ")
    assert err.count("\n") == 1
    assert told in err
    assert _labels(db) == {}


def test_a_data_base_that_is_none_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    assert main([str(tmp_path / "a.png"), str(tmp_path / "a.png"), "good"]) == 2
    assert main([str(tmp_path / NAME), str(tmp_path / "a.png"), "good"]) == 2
    assert capsys.readouterr().err.count("adshift: ") == 2
