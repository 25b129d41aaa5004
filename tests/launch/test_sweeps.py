"""The study's sweeps: how many cells, in which folders; finished cells stay, failing ones are told and stop nobody."""

from __future__ import annotations

import itertools
import json
from functools import cache
from pathlib import Path

import pytest
import yaml
from helpers.images import draw_category, tiny_overrides
from helpers.inprocess import invoke
from helpers.repo import REPO
from helpers.sweeps import SWEEPS
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from adshift.launch.sweep import FAILURE, is_finished

Cell = tuple[str, str, float | None]
"""Folder, method and coreset ratio of a job."""


@cache
def cells(sweep: str) -> list[Cell]:
    """Every job of a sweep, by its composed configuration.

    Composing is what takes the time: an option of ``data``, which fills nothing but ``data``, and numbers are put in later.
    """
    with initialize_config_dir(str(REPO / "conf"), version_base="1.3"):
        top = compose("train", [f"sweep={sweep}"], return_hydra_config=True)
        params = OmegaConf.to_container(top.hydra.sweeper.params, resolve=True)
        assert isinstance(params, dict)
        axes = {str(key): str(values).split(",") for key, values in params.items()}
        first, *_ = data = axes.pop("data")
        options = [[f"{key}={value}" for value in values] for key, values in axes.items() if "." not in key]
        later = [[(key, yaml.safe_load(value)) for value in values] for key, values in axes.items() if "." in key]
        later += [[("data", compose("train", [f"sweep={sweep}", f"data={name}"]).data) for name in data]]
        found = []
        for job in itertools.product(*options):
            config = compose("train", [f"sweep={sweep}", f"data={first}", *job], return_hydra_config=True)
            for chosen in itertools.product(*later):
                for key, value in chosen:
                    OmegaConf.update(config, key, value)
                HydraConfig.instance().set_config(config)
                folder = f"{config.hydra.sweep.dir}/{config.hydra.sweep.subdir}"
                found.append((folder, str(config.method.name), OmegaConf.select(config, "coreset_ratio")))
        return found


def test_every_sweep_is_listed() -> None:
    assert {p.stem for p in (REPO / "conf" / "sweep").glob("[!_]*.yaml")} == set(SWEEPS)


@pytest.mark.parametrize(("sweep", "count"), SWEEPS.items())
def test_a_sweep_has_its_cells_each_in_a_folder_of_its_own(sweep: str, count: int) -> None:
    found = cells(sweep)
    assert len(found) == count
    assert len({folder for folder, *_ in found}) == count
    assert all(folder.startswith(f"multirun/study/{sweep}/") for folder, *_ in found)


def test_padim_never_runs_once_a_coreset_ratio() -> None:
    assert {method for _, method, _ in cells("coreset")} == {"patchcore"}
    assert {ratio for *_, ratio in cells("coreset")} == {0.01, 0.05, 0.1}


def test_a_cell_is_finished_only_with_an_equal_configuration(tmp_path: Path) -> None:
    config = {"seed": 0, "data": {"root": "x"}, "force": False}
    assert not is_finished(tmp_path, config)
    (tmp_path / "result.json").write_text(json.dumps({"config": config}))
    assert is_finished(tmp_path, {**config, "force": True})
    assert not is_finished(tmp_path, {**config, "seed": 1})
    (tmp_path / "result.json").write_text(json.dumps({"config": config})[:-3])
    assert not is_finished(tmp_path, config)


def test_a_finished_cell_is_not_done_again_unless_forced(tiny: Path, tmp_path: Path) -> None:
    arguments = [*tiny_overrides(tiny), f"hydra.run.dir={tmp_path}"]
    assert invoke("train.py", *arguments).code == 0
    written = (tmp_path / "result.json").stat().st_mtime_ns
    again = invoke("train.py", *arguments)
    assert (again.code, (tmp_path / "result.json").stat().st_mtime_ns) == (0, written)
    assert "finished already" in again.out
    assert invoke("train.py", *arguments, "force=true").code == 0
    assert (tmp_path / "result.json").stat().st_mtime_ns > written


def test_a_failing_cell_stops_no_other_and_a_second_run_mends_it(tiny: Path, tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    (root / "plate").symlink_to(tiny / "plate")
    sweep = [*tiny_overrides(root), "data.category=late,plate", f"hydra.sweep.dir={tmp_path / 'out'}"]
    first = invoke("train.py", "-m", *sweep)
    assert first.code == 1
    assert "1 cells failed" in first.err
    assert "category=late is not in data.root" in first.err
    assert not (tmp_path / "out" / "0" / "result.json").exists()
    done = (tmp_path / "out" / "1" / "result.json").stat().st_mtime_ns
    draw_category(root, "late")
    second = invoke("train.py", "-m", *sweep)
    assert second.code == 0, second.err
    assert not (tmp_path / "out" / "0" / FAILURE).exists()
    assert (tmp_path / "out" / "1" / "result.json").stat().st_mtime_ns == done


def test_a_list_that_says_what_to_sweep_is_not_swept_itself(tmp_path: Path) -> None:
    """The cells of ``study.categories=a,b`` would all be of the default categories, and nobody would notice."""
    folder = f"study.dir={tmp_path / 'out'}"
    refused = invoke("train.py", "sweep=clean", "study.categories=weave,nut", folder)
    assert refused.code == 2
    assert "study.categories=weave,nut" in refused.err
    assert "study.categories=\"'weave,nut'\"" in refused.err
    assert len(refused.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_sweep_does_not_tell_failures_of_cells_that_are_not_its_own(tiny: Path, tmp_path: Path) -> None:
    """Those of an earlier sweep in the same folder; one that fails again is told again."""
    root, where = tmp_path / "images", f"hydra.sweep.dir={tmp_path / 'out'}"
    root.mkdir()
    (root / "plate").symlink_to(tiny / "plate")
    both = [*tiny_overrides(root), "data.category=plate,late", where]
    assert "1 cells failed" in invoke("train.py", "-m", *both).err
    alone = invoke("train.py", "-m", *tiny_overrides(root), where)
    assert (alone.code, "cells failed" in alone.err) == (0, False)
    again = invoke("train.py", "-m", *both)
    assert (again.code, "1 cells failed" in again.err) == (1, True)
