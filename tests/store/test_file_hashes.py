"""The content of a file decides: it is hashed once, and again wherever the file system tells of a change."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.images import draw, draw_category, tiny_overrides
from helpers.inprocess import invoke, one_line, run_cell
from PIL import Image

from adshift.data.acquire import verify_files
from adshift.data.prepared import prepare_images
from adshift.data.samples import index_category
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
from adshift.store import file_hashes
from adshift.store.file_hashes import FileHashes
from adshift.store.store import NoStore


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that has been as it is for long enough to be remembered."""
    monkeypatch.setattr(file_hashes, "SETTLED_NS", -(10**18))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").write_bytes(b"first")
    return tmp_path / "data" / "a.png"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read, as they are."""
    read: list[str] = []
    real = file_hashes.file_sha256

    def told(path: Path) -> str:
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(file_hashes, "file_sha256", told)
    return read


def ask(file: Path) -> str:
    """What another job is told of a file."""
    return FileHashes(file.parents[1] / "memory").of(file.parent, [file.name])[file.name]


def test_a_file_is_read_once(file: Path, hashed: list[str]) -> None:
    assert ask(file) == ask(file) == hashlib.sha256(b"first").hexdigest()
    (file.parent / "b.png").write_bytes(b"second")
    assert ask(file.parent / "b.png") == hashlib.sha256(b"second").hexdigest()
    assert ask(file) == hashlib.sha256(b"first").hexdigest()
    assert hashed == ["a.png", "b.png"]


def _in_place(file: Path) -> None:
    file.write_bytes(b"other")


def _another_file(file: Path) -> None:
    (file.parent / "new").write_bytes(b"other")
    (file.parent / "new").rename(file)


@pytest.mark.parametrize("change", [_in_place, _another_file])
def test_other_bytes_under_equal_size_and_time_are_read(file: Path, change: Callable[[Path], None]) -> None:
    os.utime(file, ns=(0, 0))
    ask(file)
    change(file)
    os.utime(file, ns=(0, 0))
    assert ask(file) == hashlib.sha256(b"other").hexdigest()


def test_a_file_that_has_just_changed_is_not_remembered(
    file: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second change within one step of the file system's clock leaves the stamp as it is."""
    monkeypatch.setattr(file_hashes, "SETTLED_NS", 2_000_000_000)
    monkeypatch.setattr(file_hashes, "_stamp", lambda _: (5, 0, file.stat().st_ctime_ns, 1))
    ask(file)
    ask(file)
    assert hashed == ["a.png"] * 2


@pytest.mark.parametrize("damage", [b"", b"{}", b"no checksum\n{}"])
def test_a_damaged_memory_costs_time_alone(file: Path, hashed: list[str], damage: bytes) -> None:
    first = ask(file)
    (memory,) = (file.parents[1] / "memory").iterdir()
    held = memory.read_bytes()
    memory.write_bytes(damage or held.replace(first.encode(), b"0" * 64))
    assert ask(file) == first
    assert memory.read_bytes() == held
    assert hashed == ["a.png"] * 2


def test_what_changes_within_a_job_or_is_gone_is_told(file: Path) -> None:
    hashes = FileHashes()
    hashes.of(file.parent, ["a.png"])
    os.utime(file, ns=(5, 5))
    hashes.of(file.parent, ["a.png"])
    _in_place(file)
    with pytest.raises(AdshiftError, match=r"a\.png has changed since it was checked; run again"):
        hashes.of(file.parent, ["a.png"])
    file.unlink()
    with pytest.raises(AdshiftError, match="cannot be read any more"):
        hashes.of(file.parent, ["a.png"])
    os.mkfifo(file)
    with pytest.raises(AdshiftError, match="is no regular file"):
        FileHashes().of(file.parent, ["a.png"])


@pytest.mark.parametrize("what", ["image", "mask"])
def test_what_is_decoded_is_what_was_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Also where the stamp tells nothing: the picture is swapped after the last look at the file system."""
    draw_category(tmp_path, "plate", 0, 1, 2)
    shutil.copytree(tmp_path / "plate" / "test" / "good", tmp_path / "plate" / "train" / "good")
    (sample, *_) = index_category(tmp_path, "plate").test_anomalous
    store = NoStore()
    verify_files(tmp_path, [sample], hashes=store.hashes)
    changed = tmp_path / (sample.path if what == "image" else str(sample.mask))
    stamps = {p: file_hashes._stamp(p) for p in (tmp_path / sample.path, tmp_path / str(sample.mask))}
    Image.fromarray(np.full((64, 64, 3), 255, np.uint8)).save(changed)
    monkeypatch.setattr(file_hashes, "_stamp", stamps.get)
    with pytest.raises(AdshiftError, match=f"{changed} has changed since"):
        prepare_images(store, tmp_path, [sample], Domain(), 32, "input", 0)


def test_a_picture_that_was_swapped_after_the_check_is_kept_by_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And comes back: the next run has the figures of what lies there."""
    import adshift.run.foresee

    draw_category(tmp_path / "data", "plate")
    picture = tmp_path / "data" / "plate" / "train" / "good" / "000.png"
    held, stamp = picture.read_bytes(), picture.stat()
    checked = adshift.run.foresee.verify_files

    def check_then_swap(*arguments: Any) -> Any:
        found = checked(*arguments)
        draw(picture, 999, defect=True)
        return found

    cell = [*tiny_overrides(tmp_path / "data"), f"store.root={tmp_path / 'store'}"]
    with monkeypatch.context() as patch:
        patch.setattr(adshift.run.foresee, "verify_files", check_then_swap)
        done = invoke("train.py", *cell, f"hydra.run.dir={tmp_path / 'out'}")
    assert (done.code, one_line(done.err)) == (
        2, f"adshift: {picture} has changed since it was checked; run again when nothing writes there",
    )  # fmt: skip
    assert not (tmp_path / "out" / "result.json").exists()
    picture.write_bytes(held)
    os.utime(picture, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    run_cell(tmp_path / "warm", *cell)
    run_cell(tmp_path / "cold", *cell[:-1], "store=off")
    assert (tmp_path / "warm" / "scores.csv").read_bytes() == (tmp_path / "cold" / "scores.csv").read_bytes()


def test_a_warm_store_knows_other_pixels_under_equal_size_and_time(tmp_path: Path) -> None:
    """As an archive's or a container layer's files have: the figures are those of the pixels that lie there."""
    draw_category(tmp_path / "data", "plate")
    cell = [*tiny_overrides(tmp_path / "data"), f"store.root={tmp_path / 'store'}"]
    pictures = sorted((tmp_path / "data" / "plate" / "test").rglob("*.png"))
    for path in pictures:
        _padded(path)
    run_cell(tmp_path / "first", *cell)
    for i, path in enumerate(pictures):
        draw(path, 7000 + i)
        _padded(path)
    again = run_cell(tmp_path / "again", *cell)
    alone = run_cell(tmp_path / "alone", *cell[:-1], "store=off")
    assert json.dumps(again["metrics"]) == json.dumps(alone["metrics"])
    assert "models" not in again["store"]["made"]


def _padded(path: Path) -> None:
    path.write_bytes(path.read_bytes().ljust(20_000, b"\0"))
    os.utime(path, ns=(0, 0))
