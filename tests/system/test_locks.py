"""Locks: one alone or several that share, waiting or not, free when their holder is killed, and where there are none."""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest
from helpers.archives import CARPET, archive
from helpers.fileserver import FileServer
from helpers.nolocks import take_locks_away

from adshift.data import mvtec
from adshift.errors import AdshiftError
from adshift.store.store import Store
from adshift.system import locks
from adshift.system.atomic import LOCK, PARTIAL, only_one
from adshift.system.locks import NoLocksError, lock
from adshift.system.resources import LOCAL, take_share

NONE = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


@pytest.mark.parametrize(
    ("first", "second", "both"), [(True, True, True), (True, False, False), (False, True, False), (False, False, False)]
)
def test_several_share_a_lock_or_one_has_it_alone(tmp_path: Path, first: bool, second: bool, both: bool) -> None:
    path = tmp_path / "lock"
    with path.open("a") as holder, path.open("a") as other:
        lock(holder, shared=first)
        if both:
            lock(other, shared=second, wait=False)
        else:
            with pytest.raises(BlockingIOError):
                lock(other, shared=second, wait=False)
            holder.close()
            lock(other, shared=second, wait=False)


def _hold(folder: str, holds: multiprocessing.synchronize.Event) -> None:
    with only_one(Path(folder)):
        (Path(folder) / f"{PARTIAL}half").write_text("half")
        holds.set()
        signal.pause()


def test_a_killed_process_leaves_no_lock_and_nothing_half_written(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    holds = context.Event()
    job = context.Process(target=_hold, args=(str(tmp_path), holds))
    job.start()
    assert holds.wait(60)
    with (tmp_path / LOCK).open("a") as handle:
        with pytest.raises(BlockingIOError):
            lock(handle, wait=False)
        job.kill()
        job.join()
        lock(handle, wait=False)
    with only_one(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]


@pytest.mark.parametrize("number", NONE)
def test_without_locks_a_folder_is_worked_in_and_one_line_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    take_locks_away(monkeypatch, number)
    (tmp_path / f"{PARTIAL}half").write_text("perhaps of a process that is still at it")
    for name in ("one", "two"):
        with only_one(tmp_path / name):
            pass
    with only_one(tmp_path):
        assert (tmp_path / f"{PARTIAL}half").exists()
    assert capsys.readouterr().err == (
        f"adshift: {tmp_path / 'one'} is on a file system without locks ({os.strerror(number)}); going on without: two "
        "processes must not work in one folder there at once\n"
    )


@pytest.mark.parametrize("number", NONE)
def test_without_locks_a_store_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    take_locks_away(monkeypatch, number)
    with pytest.raises(AdshiftError, match=rf"store\.root={tmp_path} is on .* without locks .*; set .* store=off$"):
        Store(str(tmp_path), 1.0).fetch("work", {}, lambda *_: pytest.fail("made"), lambda _: None)


def test_without_locks_cells_do_not_share_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_locks_away(monkeypatch)
    launcher = {"_target_": LOCAL, "cpus_per_task": 1}
    with pytest.raises(
        AdshiftError, match=rf"hydra\.sweep\.dir={tmp_path} cannot hold locks .*leave hydra/launcher out"
    ):
        take_share(launcher, tmp_path)


def test_without_locks_an_archive_is_downloaded_and_unpacked(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    take_locks_away(monkeypatch)
    content = server.files["/a"] = archive(*CARPET)
    digest = hashlib.sha256(content).hexdigest()
    mvtec.ensure(tmp_path / "mvtec", ["carpet"], url=f"{server.url}/a", sha256=digest)
    assert (tmp_path / "mvtec/carpet/train/good/000.png").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["mvtec"]
    assert capsys.readouterr().err.count(f"adshift: {tmp_path} is on a file system without locks") == 1


def test_a_lock_that_is_refused_for_another_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_locks_away(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="Input/output error") as told, only_one(tmp_path):
        pytest.fail("went on")
    assert not isinstance(told.value, NoLocksError)
    assert told.value.filename == str(tmp_path / LOCK)


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_a_wait_for_the_stores_lock_is_told_when_it_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seconds: float
) -> None:
    """Once, with the store's folder; and a short wait is not worth a word."""
    told = threading.Event()
    monkeypatch.setattr(locks, "PATIENCE", seconds)
    store, key, found = Store(str(tmp_path), 1.0), {"number": 1}, []
    store.fetch("things", key, lambda folder, _: None, lambda folder: folder)
    (name,) = (path.name for path in (tmp_path / "things").iterdir())
    with (tmp_path / "locks" / name).open("a") as holder:
        lock(holder)
        waiting = threading.Thread(
            target=lambda: found.append(store.fetch("things", key, lambda folder, _: None, lambda folder: folder))
        )
        waiting.start()
        told.wait(0.5)
        assert not found
    waiting.join(60)
    assert found == [tmp_path / "things" / name]
    line = f"adshift: the entry {name} of store.root={tmp_path} is held by another process; waiting for it\n"
    assert capsys.readouterr().err == ("" if seconds else line)
