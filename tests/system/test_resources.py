"""A machine is divided among the cells that run on it at once: threads, places, GPUs, data workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from helpers.repo import REPO

from adshift.system import resources
from adshift.system.resources import JOBLIB, LOCAL, RAY, SLURM, Division, cells_at_once, data_workers, divide_machine

BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


@pytest.mark.parametrize(
    ("launcher", "n_cores", "expected"),
    [
        ({"_target_": BASIC}, 8, None),
        ({"_target_": JOBLIB, "n_jobs": 2}, 8, Division(4, 2)),
        ({"_target_": JOBLIB, "n_jobs": 3}, 8, Division(2, 3)),
        ({"_target_": JOBLIB, "n_jobs": 16}, 4, Division(1, 16)),
        ({"_target_": JOBLIB, "n_jobs": -1}, 8, Division(1, 8)),
        ({"_target_": JOBLIB, "n_jobs": -5}, 8, Division(2, 4)),
        ({"_target_": JOBLIB, "n_jobs": -99}, 8, Division(8, 1)),
        ({"_target_": LOCAL, "cpus_per_task": 3}, 8, Division(3, 2)),
        ({"_target_": LOCAL, "cpus_per_task": None}, 8, Division(8, 1)),
        ({"_target_": LOCAL, "cpus_per_task": 99}, 8, Division(8, 1)),
        ({"_target_": SLURM, "cpus_per_task": 6}, 64, Division(6, None)),
        ({"_target_": SLURM, "cpus_per_task": None}, 64, Division(1, None)),
        ({"_target_": RAY, "ray": {"init": {}, "remote": {"num_cpus": 4}}}, 64, Division(4, None)),
        ({"_target_": RAY, "ray": {"init": {}, "remote": {"num_cpus": 0.5}}}, 64, Division(1, None)),
        ({"_target_": RAY, "ray": {"init": {}, "remote": {}}}, 64, Division(1, None)),
    ],
)
def test_the_cores_are_divided_among_the_cells(
    launcher: dict[str, Any], n_cores: int, expected: Division | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(resources.SLURM_CORES, raising=False)
    assert divide_machine(launcher, n_cores) == expected


def test_on_slurm_a_cell_takes_the_cores_of_its_allocation_where_the_launcher_names_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "12")
    assert divide_machine({"_target_": SLURM, "cpus_per_task": None}, 64) == Division(12, None)
    assert divide_machine({"_target_": SLURM, "cpus_per_task": 6}, 64) == Division(6, None)


@pytest.mark.parametrize(
    ("n_cores", "n_gpus", "expected"),
    [(1, 0, 1), (2, 0, 2), (4, 0, 2), (16, 0, 4), (64, 0, 16), (16, 1, 2), (16, 8, 16), (64, 4, 8), (1, 4, 1)],
)
def test_the_cells_at_once_where_nobody_says(n_cores: int, n_gpus: int, expected: int) -> None:
    assert cells_at_once(n_cores, n_gpus) == expected


def test_no_more_data_workers_than_the_cell_has_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADSHIFT_CORES", raising=False)
    assert data_workers(8) == 8
    monkeypatch.setenv("ADSHIFT_CORES", "2")
    assert [data_workers(n) for n in (0, 1, 2, 8)] == [0, 1, 2, 2]


TAKES_A_SHARE = """
import json, os, sys
from pathlib import Path
import numpy
from adshift.system.resources import take_share
for _ in range(2):  # a worker's second cell changes nothing
    take_share(json.loads(sys.argv[1]), Path(sys.argv[2]))
print(json.dumps({k: v for k, v in os.environ.items() if k.startswith(("CUDA", "OMP", "ADSHIFT"))}), flush=True)
exec(sys.argv[3])
"""


def start_cell(launcher: dict[str, Any], folder: Path, then: str = "", **variables: str) -> subprocess.Popen[str]:
    """A process that takes its share of the machine, says what it was given, and goes on with ``then``."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    return subprocess.Popen(
        [sys.executable, "-c", TAKES_A_SHARE, json.dumps(launcher), str(folder), then],
        env={**environment, "PYTHONPATH": str(REPO), **variables}, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def given(cell: subprocess.Popen[str]) -> dict[str, str]:
    assert cell.stdout is not None
    found: dict[str, str] = json.loads(cell.stdout.readline())
    return found


def test_cells_go_round_the_gpus_and_one_too_many_waits_for_a_place(tmp_path: Path) -> None:
    launcher = {"_target_": JOBLIB, "n_jobs": 4}
    running = [start_cell(launcher, tmp_path, "input()", CUDA_VISIBLE_DEVICES="4,7") for _ in range(4)]
    try:
        devices = [given(cell)["CUDA_VISIBLE_DEVICES"] for cell in running]
        assert sorted(devices) == ["4", "4", "7", "7"]
        late = start_cell(launcher, tmp_path, "input()", CUDA_VISIBLE_DEVICES="4,7")
        running.append(late)
        time.sleep(1.5)
        assert late.poll() is None
        ended = time.monotonic()
        running[0].kill()  # its place is free whatever ended it
        assert given(late)["CUDA_VISIBLE_DEVICES"] == devices[0]
        assert time.monotonic() - ended < 5
        assert [cell.poll() for cell in running[1:]] == [None] * 4
    finally:
        for cell in running:
            cell.kill()
            cell.wait()


def test_every_library_keeps_to_the_threads_of_the_cell_whether_loaded_before_or_after(tmp_path: Path) -> None:
    count = (
        "import faiss, torch, threadpoolctl; pools = [p['num_threads'] for p in threadpoolctl.threadpool_info()]\n"
        "print(json.dumps([torch.get_num_threads(), faiss.omp_get_max_threads(), *pools]))"
    )
    cell = start_cell({"_target_": LOCAL, "cpus_per_task": 1}, tmp_path, count)
    assert given(cell)["ADSHIFT_CORES"] == "1"
    out, _ = cell.communicate()
    found = json.loads(out)
    assert len(found) > 3
    assert set(found) == {1}


def test_a_lower_limit_of_the_user_stays_and_the_basic_launcher_sets_none(tmp_path: Path) -> None:
    slurm = {"_target_": SLURM, "cpus_per_task": 6}
    assert given(start_cell(slurm, tmp_path, OMP_NUM_THREADS="2"))["OMP_NUM_THREADS"] == "2"
    assert given(start_cell(slurm, tmp_path, OMP_NUM_THREADS="9"))["OMP_NUM_THREADS"] == "6"
    assert "OMP_NUM_THREADS" not in given(start_cell({"_target_": BASIC}, tmp_path))
