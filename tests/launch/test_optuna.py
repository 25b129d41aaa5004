"""Hydra's Optuna sweeper, the real one, in an environment of its own: it is told each cell's figure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml
from helpers.images import tiny_overrides
from helpers.repo import REPO


@pytest.fixture(scope="module")
def optuna(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has this one's packages and the sweeper, which wants an old Optuna."""
    place = tmp_path_factory.mktemp("optuna") / "env"
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "base.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = place / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "hydra-optuna-sweeper==1.3.0"]
    done = subprocess.run(install, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.skip(f"hydra-optuna-sweeper could not be installed: {done.stderr.splitlines()[-1]}")
    return python


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["macro.image_auroc", "plate.recall"])
def test_the_sweeper_is_told_the_figure_of_every_cell(optuna: Path, tiny: Path, tmp_path: Path, objective: str) -> None:
    sweep = tmp_path / "sweep"
    words = [word for word in tiny_overrides(tiny) if not word.startswith("coreset_ratio")]
    words += ["coreset_ratio=interval(0.1,0.9)", f"objective={objective}", f"hydra.sweep.dir={sweep}", "store=off"]
    words += [
        "hydra/sweeper=optuna",
        "hydra.sweeper.n_trials=2",
        "hydra.sweeper.n_jobs=1",
        "hydra.sweeper.direction=maximize",
    ]
    done = subprocess.run(
        [str(optuna), "train.py", "-m", *words],
        cwd=REPO,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    group, _, figure = objective.rpartition(".")
    metrics = [json.loads((sweep / str(cell) / "result.json").read_text())["metrics"] for cell in range(2)]
    figures = [(found if group == "macro" else found["categories"])[group][figure] for found in metrics]
    best = yaml.safe_load((sweep / "optimization_results.yaml").read_text())
    assert best["best_value"] == max(figures)
    assert 0.1 <= best["best_params"]["coreset_ratio"] <= 0.9
