"""A cell that Slurm ends without a result is told and ends the sweep, also where the cluster keeps no accounts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.images import tiny_overrides
from helpers.repo import REPO
from helpers.slurm import need_slurm, one_node, pid_of

from adshift.launch import slurm as slurm_module
from adshift.launch.slurm import states
from adshift.stages.fit import make_trainer

SQUEUE = """#!/bin/bash
echo "$@" > "$(dirname "$0")/asked"
printf '%s\\n' '7_0|RUNNING' '7_1|OUT_OF_MEMORY' '8|PENDING'
"""


def command(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def test_squeue_is_asked_for_ones_own_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(tmp_path / "bin", "squeue", SQUEUE)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert states() == {"7_0": "RUNNING", "7_1": "OUT_OF_MEMORY", "8": "PENDING"}
    assert f"--user={os.getuid()}" in (tmp_path / "bin" / "asked").read_text()


@pytest.mark.parametrize("text", [None, "#!/bin/bash\necho 'slurm_load_jobs error' >&2\nexit 1\n"])
def test_no_answer_ends_nothing_and_is_told_once_a_question(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if text is not None:
        command(tmp_path / "bin", "squeue", text)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/bin" if text else str(tmp_path))
    assert states() is None
    assert len(caplog.records) == 1


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    time = monotonic


def test_a_cell_is_killed_once_its_job_has_ended_for_a_while_without_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three cells one has its result, one runs, one is gone; a question without an answer ends nothing."""
    pytest.importorskip("submitit", reason="hydra/launcher=submitit_slurm is not installed: pip install '.[submitit]'")
    clock, ended = Clock(), []
    answers: list[dict[str, str] | None] = [{"7_0": "COMPLETED", "7_1": "RUNNING"}, None, {"7_1": "RUNNING"}]
    monkeypatch.setattr(slurm_module, "time", clock)
    monkeypatch.setattr(slurm_module, "states", lambda: answers.pop(0))
    monkeypatch.setattr(slurm_module, "end_sweep", ended.extend)
    watcher = slurm_module.watch(str(tmp_path / "%j"))
    for job in ("7_0", "7_1", "7_2"):
        watcher.register_job(job)
        (tmp_path / job).mkdir()
        (tmp_path / job / f"{job}_submitted.pkl").touch()
    watcher.register_job("7")  # the array, as submitit does it: no cell
    (tmp_path / "7_0" / "7_0_0_result.pkl").touch()
    for seconds in (0, 100, 200):
        assert not ended
        clock.now = seconds
        watcher.update()
        assert not watcher.is_done("7_2", mode="cache")
    ((paths, end),) = ended
    assert (paths.job_id, end) == ("7_2", "no longer listed")


def test_a_machine_with_srun_gets_no_hint_about_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(tmp_path / "bin", "srun", "#!/bin/bash\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        make_trainer("cpu", 1)
    assert [str(warning.message) for warning in told if "srun" in str(warning.message)] == []


@pytest.fixture(scope="module")
def slurm() -> Iterator[dict[str, str]]:
    """The variables that lead to a real Slurm without accounts."""
    pytest.importorskip("submitit", reason="hydra/launcher=submitit_slurm is not installed: pip install '.[submitit]'")
    need_slurm()
    with tempfile.TemporaryDirectory(prefix="slurm", dir="/tmp") as folder, one_node(Path(folder), 2) as variables:
        yield variables


def start(tiny: Path, out: Path, variables: dict[str, str]) -> subprocess.Popen[str]:
    """A sweep of two cells on the Slurm."""
    cell = [o for o in tiny_overrides(tiny) if not o.startswith("data.category")]
    where = [f"store.root={out}-store", f"hydra.sweep.dir={out}", "data.category=plate,strip"]
    slurm = ["hydra/launcher=submitit_slurm", "hydra.launcher.partition=tests", "hydra.launcher.cpus_per_task=1"]
    return subprocess.Popen(
        [sys.executable, "train.py", "-m", *cell, *where, *slurm], cwd=REPO, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**os.environ, **variables, "PYTHONPATH": str(REPO)},
    )  # fmt: skip


@pytest.mark.slow
def test_a_killed_cell_is_told_and_ends_the_sweep_which_then_goes_on(
    tiny: Path, tmp_path: Path, slurm: dict[str, str]
) -> None:
    out = tmp_path / "out"
    sweep = start(tiny, out, slurm)
    try:
        while (pid := pid_of(1, slurm)) is None:
            assert sweep.poll() is None, sweep.communicate()[1]
            time.sleep(0.05)
        os.kill(pid, 9)
        killed = time.monotonic()
        _, err = sweep.communicate(timeout=300)
    finally:
        sweep.kill()
    print(f"told {time.monotonic() - killed:.0f} s after the kill")
    assert sweep.returncode == 1, err
    assert "1 cells failed:" in err
    assert f"{out / '1'}: killed: job " in err
    assert "ended without a result (FAILED)" in err
    assert "sacct" not in err
    told = json.loads((out / "1" / "failure.json").read_text())
    assert "data.category=strip" in told["job"]
    while pid_of(0, slurm) is not None:  # the other cell goes on
        time.sleep(0.1)
    written = (out / "0" / "result.json").stat().st_mtime_ns
    again = start(tiny, out, slurm)
    _, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    assert (out / "1" / "result.json").exists()
    assert not (out / "1" / "failure.json").exists()
    assert (out / "0" / "result.json").stat().st_mtime_ns == written
