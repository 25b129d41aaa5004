"""Sweeps through Hydra's launcher plugins: their settings, the same figures as a plain sweep, failures told."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import invoke
from helpers.repo import REPO, Program
from helpers.sweeps import SWEEPS
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from adshift.launch.launchers import LauncherDefaults, launcher_failure
from adshift.system.resources import JOBLIB, LOCAL, RAY, SLURM, cores, divide_machine

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


def sweep_config(target: str, *overrides: str) -> Any:
    node = {"_target_": target, "n_jobs": -1, "batch_size": "auto", "cpus_per_task": None, "gpus_per_node": None}
    node |= {"timeout_min": 60, "verbose": 0}
    for override in overrides:
        node[override.partition("=")[0].rpartition(".")[2]] = override.partition("=")[2]
    return OmegaConf.create({"hydra": {"launcher": node, "overrides": {"hydra": list(overrides)}}})


def test_the_launchers_defaults_go_in_where_the_user_said_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adshift.launch.launchers.cores", lambda: 16)
    monkeypatch.setattr("adshift.launch.launchers.gpus", lambda: ("0", "1"))
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
    assert launcher_failure(raised_in("adshift.run.train")) is None
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


def sweep(root: Path, out: Path, *overrides: str) -> list[str]:
    """The words of a sweep with a store of its own, so that nothing is taken from another."""
    cell = [o for o in tiny_overrides(root) if not o.startswith(("data.category", "data.num_workers"))]
    folders = [f"store.root={out}-store", f"hydra.sweep.dir={out}"]
    return ["train.py", "-m", *cell, "data.num_workers=2", *folders, SWEPT, *overrides]


def run_sweep(
    program: Program, root: Path, out: Path, *overrides: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The sweep in a process of its own, without a limit on its threads."""
    return program(*sweep(root, out, *overrides), OMP_NUM_THREADS=str(cores()), **variables)


def result_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def figures(folder: Path) -> dict[str, Any]:
    """Everything in a result that does not tell of time, machine or paths, and the scores."""
    found = {key: value for key, value in result_of(folder).items() if key not in TIMED}
    return {**found, "scores": (folder / "scores.csv").read_text()}


@pytest.fixture(scope="module")
def one_by_one(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep's folder under Hydra's basic launcher."""
    out = tmp_path_factory.mktemp("basic") / "out"
    done = invoke(*sweep(tiny, out))
    assert done.code == 1, done.err
    assert not (out / ".places").exists()
    return out


LAUNCHED = {
    "joblib": ["hydra.launcher.n_jobs=2"],
    "submitit_local": [f"hydra.launcher.cpus_per_task={max(1, cores() // 2)}"],
    "ray": ["hydra.launcher.ray.init.address=local", "+hydra.launcher.ray.init.include_dashboard=false"],
}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHED)
def test_a_launcher_gives_the_figures_of_a_plain_sweep_and_tells_its_failures(
    launcher: str, tiny: Path, tmp_path: Path, program: Program, one_by_one: Path
) -> None:
    need(launcher)
    out = tmp_path / "out"
    overrides = [f"hydra/launcher={launcher}", *LAUNCHED[launcher]]
    done = run_sweep(program, tiny, out, *overrides)
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
    again = run_sweep(program, tiny, out, *overrides)
    assert again.returncode == 1
    assert [(out / number / "result.json").stat().st_mtime_ns for number in ("0", "2")] == written


SBATCH = """#!/bin/bash
cp "$1" "$(dirname "$0")/submitted.sh"
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\)%.*/\\1/p' "$1")
for task in $(seq 0 "$last"); do
    SLURM_JOB_ID=7$task SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=$task SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1 \\
        SLURM_NODEID=0 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_JOB_NODELIST=here bash "$1" </dev/null >/dev/null 2>&1 &
done
echo Submitted batch job 7
"""
SQUEUE = """#!/bin/bash
printf '7_%s|RUNNING\\n' 0 1 2
"""
SRUN = """#!/bin/bash
while [[ "$1" != */python* ]]; do shift; done
exec "$@"
"""


@pytest.mark.slow
def test_slurm_is_asked_for_what_the_readme_names_and_the_cells_come_back(
    tiny: Path, tmp_path: Path, program: Program, one_by_one: Path
) -> None:
    """Against a stand-in for Slurm's commands, which runs here what it is handed; plugin and submitit are the real ones."""
    need("submitit_slurm")
    for name, text in (("sbatch", SBATCH), ("srun", SRUN), ("squeue", SQUEUE), ("scancel", "#!/bin/bash\n")):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    (words,) = readme_commands("submitit_slurm")
    overrides = [word for word in words if word.startswith("hydra")]
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = run_sweep(program, tiny, tmp_path / "out", *overrides, PATH=path)
    assert done.returncode == 1, done.stderr
    assert "1 cells failed:" in done.stderr
    asked = (tmp_path / "bin" / "submitted.sh").read_text()
    for option in (
        "array=0-2%3", "cpus-per-task=8", "gpus-per-node=1", "mem=16GB", "partition=NAME", "time=240",
    ):  # fmt: skip
        assert f"#SBATCH --{option}\n" in asked
    for number in ("0", "2"):
        assert figures(tmp_path / "out" / number) == figures(one_by_one / number)
        assert result_of(tmp_path / "out" / number)["provenance"]["device"].endswith(f", {min(8, cores())} threads")
