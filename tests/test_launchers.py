"""Sweeps through Hydra's launcher plugins: the same figures, failures told, and a machine divided among its cells."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import REPO, Program, tiny_overrides
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from test_sweeps import SWEEPS

from adshift import resources
from adshift.launchers import LauncherDefaults, launcher_failure
from adshift.resources import JOBLIB, LOCAL, RAY, SLURM, Division, cells_at_once, cores, data_workers, divide_machine

BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
PLUGINS = {
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
    "submitit_slurm": "hydra_plugins.hydra_submitit_launcher",
    "ray": "hydra_plugins.hydra_ray_launcher",
}


def need(launcher: str) -> None:
    """Skip where the launcher's plugin is not installed."""
    extra = launcher.partition("_")[0]
    pytest.importorskip(
        PLUGINS[launcher], reason=f"hydra/launcher={launcher} is not installed: pip install '.[{extra}]'"
    )


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
from adshift.resources import take_share
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


def sweep_config(target: str, *overrides: str) -> Any:
    node = {"_target_": target, "n_jobs": -1, "batch_size": "auto", "cpus_per_task": None, "gpus_per_node": None}
    node |= {"timeout_min": 60, "verbose": 0}
    for override in overrides:
        node[override.partition("=")[0].rpartition(".")[2]] = override.partition("=")[2]
    return OmegaConf.create({"hydra": {"launcher": node, "overrides": {"hydra": list(overrides)}}})


def test_the_launchers_defaults_go_in_where_the_user_said_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adshift.launchers.cores", lambda: 16)
    monkeypatch.setattr("adshift.launchers.gpus", lambda: ("0", "1"))
    config = sweep_config(JOBLIB, "hydra.launcher.verbose=1")
    LauncherDefaults().on_multirun_start(config)
    assert (config.hydra.launcher.n_jobs, config.hydra.launcher.batch_size) == (4, 1)
    assert config.hydra.overrides.hydra[1:] == ["hydra.launcher.n_jobs=4", "hydra.launcher.batch_size=1"]
    config = sweep_config(JOBLIB, "hydra.launcher.n_jobs=7")
    LauncherDefaults().on_multirun_start(config)
    assert config.hydra.launcher.n_jobs == "7"
    config = sweep_config(LOCAL, "++hydra.launcher.timeout_min=5")
    LauncherDefaults().on_multirun_start(config)
    assert (config.hydra.launcher.cpus_per_task, config.hydra.launcher.gpus_per_node) == (4, 2)
    assert config.hydra.launcher.timeout_min == "5"
    for target in (SLURM, RAY, BASIC):
        config = sweep_config(target)
        LauncherDefaults().on_multirun_start(config)
        assert config == sweep_config(target)


def test_only_an_error_that_passed_through_a_launcher_is_told_as_the_launchers() -> None:
    def raised_in(module: str) -> Exception:
        names: dict[str, Any] = {"__name__": module}
        exec("def launch(): raise RuntimeError('no srun here\\nsecond line')", names)
        with pytest.raises(RuntimeError) as caught:
            names["launch"]()
        return caught.value

    told = launcher_failure(raised_in("hydra_plugins.hydra_submitit_launcher.submitit_launcher"))
    assert told is not None
    assert "RuntimeError: no srun here;" in told
    assert "\n" not in told
    assert launcher_failure(raised_in("adshift.pipeline")) is None
    assert launcher_failure(raised_in("hydra_plugins.hydra_optuna_sweeper.core")) is None


def test_a_launcher_that_is_not_installed_is_told_in_one_line(program: Program) -> None:
    without = (
        "import runpy, sys; sys.modules['hydra_plugins'] = None; sys.argv = ['train.py', '-m', 'hydra/launcher=ray']; "
    )
    done = program("-c", without + "runpy.run_path('train.py', run_name='__main__')")
    assert done.returncode == 2
    assert done.stderr.startswith("adshift: hydra/launcher=ray is not installed; pip install '.[joblib]'")
    assert len(done.stderr.splitlines()) == 1


def readme_commands(launcher: str) -> list[list[str]]:
    """The overrides that README gives for a launcher, one list a command."""
    section = (REPO / "README.md").read_text().partition("## More than one machine")[2].partition("\n## ")[0]
    commands = section.replace("\\\n", " ").splitlines()
    found = [shlex.split(line, comments=True)[2:] for line in commands if line.startswith("python train.py")]
    return [words for words in found if f"hydra/launcher={launcher}" in words]


@pytest.mark.parametrize("launcher", PLUGINS)
def test_the_keys_in_the_readme_are_the_plugins(launcher: str) -> None:
    need(launcher)
    commands = readme_commands(launcher)
    assert commands
    for words in commands:
        overrides = [word for word in words if re.match(r"\+?hydra[./]", word)]
        with initialize_config_dir(str(REPO / "conf"), version_base="1.3"):
            node = compose("train", overrides, return_hydra_config=True).hydra.launcher
        assert node["_target_"] in (JOBLIB, LOCAL, SLURM, RAY)
        told = [o.lstrip("+").removeprefix("hydra.launcher.") for o in overrides if "hydra.launcher." in o]
        for key, _, value in (item.partition("=") for item in told):
            assert str(OmegaConf.select(node, key)) == value.replace("null", "None")
        assert divide_machine(OmegaConf.to_container(node, resolve=True), 8) is not None  # type: ignore[arg-type]


@pytest.mark.parametrize("sweep", SWEEPS)
def test_a_sweep_of_the_study_takes_a_launcher(sweep: str) -> None:
    need("joblib")
    with initialize_config_dir(str(REPO / "conf"), version_base="1.3"):
        config = compose("train", [f"sweep={sweep}", "hydra/launcher=joblib"], return_hydra_config=True)
    assert config.hydra.launcher["_target_"] == JOBLIB
    assert config.hydra.sweep.dir == f"multirun/study/{sweep}"


CATEGORIES = ("plate", "late", "strip")  # the second does not exist
SWEPT = f"data.category={','.join(CATEGORIES)}"
TIMED = ("timing", "memory", "provenance", "config")


def run_sweep(program: Program, root: Path, out: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    """A sweep with a store of its own, so that nothing is taken from another."""
    cell = [o for o in tiny_overrides(root) if not o.startswith(("data.category", "data.num_workers"))]
    folders = [f"store.root={out}-store", f"hydra.sweep.dir={out}"]
    no_limit = str(cores())
    return program("train.py", "-m", *cell, "data.num_workers=2", *folders, *overrides, OMP_NUM_THREADS=no_limit)


def result_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def figures(folder: Path) -> dict[str, Any]:
    """Everything in a result that does not tell of time, machine or paths, and the scores."""
    found = {key: value for key, value in result_of(folder).items() if key not in TIMED}
    return {**found, "scores": (folder / "scores.csv").read_text()}


@pytest.fixture(scope="module")
def one_by_one(tiny: Path, tmp_path_factory: pytest.TempPathFactory, program: Program) -> Path:
    """The sweep's folder under Hydra's basic launcher."""
    out = tmp_path_factory.mktemp("basic") / "out"
    done = run_sweep(program, tiny, out, SWEPT)
    assert done.returncode == 1, done.stderr
    assert not (out / ".places").exists()
    return out


LAUNCHED = {
    "joblib": ["hydra.launcher.n_jobs=2"],
    "submitit_local": [f"hydra.launcher.cpus_per_task={max(1, cores() // 2)}"],
    "ray": ["+hydra.launcher.ray.init.include_dashboard=false"],
}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHED)
def test_a_launcher_gives_the_figures_of_a_plain_sweep_and_tells_its_failures(
    launcher: str, tiny: Path, tmp_path: Path, program: Program, one_by_one: Path
) -> None:
    need(launcher)
    out = tmp_path / "out"
    overrides = [f"hydra/launcher={launcher}", *LAUNCHED[launcher]]
    done = run_sweep(program, tiny, out, SWEPT, *overrides)
    assert done.returncode == 1, done.stderr
    assert "1 cells failed:" in done.stderr
    assert f"{out / '1'}: category=late is not in data.root" in done.stderr
    assert [path.parent.name for path in out.glob("*/failure.json")] == ["1"]
    share = 1 if launcher == "ray" else max(1, cores() // 2)
    for number in ("0", "2"):
        assert figures(out / number) == figures(one_by_one / number)
        assert result_of(out / number)["config"]["data"]["category"] == CATEGORIES[int(number)]
        assert result_of(out / number)["provenance"]["device"].endswith(f", {share} threads")
    written = [(out / number / "result.json").stat().st_mtime_ns for number in ("0", "2")]
    again = run_sweep(program, tiny, out, SWEPT, *overrides)
    assert again.returncode == 1
    assert [(out / number / "result.json").stat().st_mtime_ns for number in ("0", "2")] == written


@pytest.mark.slow
def test_more_cells_than_places_wait_and_all_come_to_an_end(tiny: Path, tmp_path: Path, program: Program) -> None:
    need("submitit_local")
    one_at_a_time = ["hydra/launcher=submitit_local", f"hydra.launcher.cpus_per_task={cores()}"]
    done = run_sweep(program, tiny, tmp_path / "out", *one_at_a_time, "data.category=plate", "seed=0,1")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "out" / ".places").iterdir()] == ["0"]
    assert len(list((tmp_path / "out").glob("*/result.json"))) == 2
