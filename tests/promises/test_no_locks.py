"""Whole programs where file systems have no locks: one process goes on and says so; a store names another place."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import invoke, run_cell
from helpers.nolocks import take_locks_away

REASON = os.strerror(errno.ENOLCK)


def lines(err: str) -> list[str]:
    """What the program itself says on stderr, beside progress bars; no traceback."""
    assert "Traceback" not in err, err
    return [line for line in err.replace("\r", "\n").splitlines() if line.startswith("adshift: ")]


def gone_on_without(folder: Path) -> str:
    return (
        f"adshift: {folder} is on a file system without locks ({REASON}); going on without: two processes must not work "
        "in one folder there at once"
    )


def test_train_with_a_store_names_it_and_what_to_do(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_locks_away(monkeypatch)
    out, store = tmp_path / "out", tmp_path / "store"
    done = invoke("train.py", *tiny_overrides(tiny), f"store.root={store}", f"hydra.run.dir={out}")
    assert done.code == 2
    assert lines(done.err) == [
        gone_on_without(out),
        f"adshift: store.root={store} is on a file system without locks ({REASON}), where processes cannot share a "
        "store; set store.root=FOLDER on another, or use store=off",
    ]
    assert not (out / "result.json").exists()


def test_train_without_a_store_and_predict_go_on_and_say_so_once(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = [*tiny_overrides(tiny), "store=off"]
    run_cell(tmp_path / "locked", *cell)
    take_locks_away(monkeypatch)
    done = invoke("train.py", *cell, f"hydra.run.dir={tmp_path / 'out'}")
    assert (done.code, lines(done.err)) == (0, [gone_on_without(tmp_path / "out")])
    assert (tmp_path / "out" / "scores.csv").read_bytes() == (tmp_path / "locked" / "scores.csv").read_bytes()

    take_locks_away(monkeypatch)  # another process, which has said nothing yet
    source = tiny / "plate" / "test" / "good"
    told = invoke("predict.py", f"run={tmp_path / 'out'}", f"source={source}", f"hydra.run.dir={tmp_path / 'new'}")
    assert (told.code, lines(told.err)) == (0, [gone_on_without(tmp_path / "new")])
    assert (tmp_path / "new" / "summary.json").is_file()


def test_a_sweep_says_it_once(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_locks_away(monkeypatch)
    sweep = [f"hydra.sweep.dir={tmp_path}", "seed=0,1"]
    done = invoke("train.py", "-m", *tiny_overrides(tiny), "store=off", *sweep)
    assert done.code == 0, done.err
    assert len(list(tmp_path.glob("**/result.json"))) == 2
    assert len(lines(done.err)) == 1
