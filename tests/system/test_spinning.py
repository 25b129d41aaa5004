"""Threads that wait sleep soon where others need the processors, as the user says where they do, else as ever."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.repo import REPO

from adshift.system import spinning
from adshift.system.spinning import FEW, SPINS, ProcessorUse, spin_little, spin_little_among_others


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a program that has just started."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    for name in spinning.CHOSEN_BY_USER:
        monkeypatch.setenv(name, "")  # so that it is undone
        monkeypatch.delenv(name)


def test_the_system_s_count_is_read_in_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 20 30 4000 500 6 7 37 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n")
    monkeypatch.setattr(spinning, "STAT", stat)
    tick = os.sysconf("SC_CLK_TCK")
    found = ProcessorUse.now()
    assert found is not None
    assert (found.busy_s * tick, found.idle_s * tick) == (pytest.approx(200), pytest.approx(4500))
    assert 0 < found.own_s < 1e6


@pytest.mark.parametrize("text", ["", "cpu 1 2\n", "cpu a b c d e f g h\n", None])
def test_where_it_is_not_told_nothing_is_changed(
    fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    stat = tmp_path / "stat"
    if text is not None:
        stat.write_text(text)
    monkeypatch.setattr(spinning, "STAT", stat)
    assert ProcessorUse.now() is None
    assert not spin_little_among_others(ProcessorUse(0, 0, 0))
    assert not spin_little_among_others(None)
    assert SPINS not in os.environ


def test_what_this_process_does_is_not_others() -> None:
    start = ProcessorUse(100.0, 300.0, 5.0)
    assert ProcessorUse(103.0, 301.0, 7.0).others_since(start) == pytest.approx(1 / 4)
    assert ProcessorUse(102.0, 302.0, 7.0).others_since(start) == 0
    assert ProcessorUse(101.0, 303.0, 7.0).others_since(start) == 0  # a tick's rounding
    assert start.others_since(start) == 0


@pytest.mark.parametrize(("busy", "expected"), [(0.24, False), (0.26, True)])
def test_a_quarter_of_the_processors_is_busy(
    fresh: None, monkeypatch: pytest.MonkeyPatch, busy: float, expected: bool
) -> None:
    monkeypatch.setattr(ProcessorUse, "now", classmethod(lambda cls: ProcessorUse(busy, 1 - busy, 0.0)))
    assert spin_little_among_others(ProcessorUse(0.0, 0.0, 0.0)) is expected
    assert os.environ.get(SPINS) == (FEW if expected else None)


@pytest.mark.parametrize("name", spinning.CHOSEN_BY_USER)
def test_what_the_user_chose_stays(fresh: None, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "active")
    assert not spin_little()
    assert os.environ[name] == "active"
    assert len([other for other in spinning.CHOSEN_BY_USER if other in os.environ]) == 1


def test_after_torch_it_is_too_late(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys)
    assert not spin_little()
    assert SPINS not in os.environ


def test_a_program_beside_busy_ones_finds_them_before_it_loads_torch() -> None:
    code = (
        "import time, os; from adshift.launch.sweep import STARTED; from adshift.system import spinning; time.sleep(0.5); "
        "print(spinning.spin_little_among_others(STARTED), os.environ[spinning.SPINS])"
    )
    loop = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(loop) for _ in range(os.cpu_count() or 1)]
    try:
        environment = {k: v for k, v in os.environ.items() if k not in spinning.CHOSEN_BY_USER}
        environment["PYTHONPATH"] = str(REPO)
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert done.stdout.split() == ["True", FEW], done.stderr
