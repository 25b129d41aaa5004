"""Every run and every sweep has a folder of its own, and none is the run that it reads."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import ClassVar
from unittest import mock

import pytest
from helpers.forks import exit_status, forked
from helpers.images import tiny_overrides
from helpers.inprocess import invoke, one_line, run_cell
from helpers.repo import REPO

from adshift.results.read import read_result

MADE = {
    "evaluate.py": ("domain=shift", "adaptation=none"), "predict.py": ("source=PHOTOS",), "export.py": (),
    "adshift/stress/__main__.py": ("images=10",), "adshift/advise/__main__.py": ("domain.root=PHOTOS",),
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; read only."""
    folder = tmp_path_factory.mktemp("run")
    run_cell(folder, *tiny_overrides(tiny))
    return folder


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("script", MADE)
def test_a_run_is_never_the_folder_that_its_reader_writes_to(
    script: str, run: Path, tiny: Path, tmp_path: Path
) -> None:
    """Also by another name; nothing in it is touched, not even by Hydra."""
    before = _files(run)
    photos = str(tiny / "plate" / "test" / "good")
    (tmp_path / "link").symlink_to(run)
    given = [part.replace("PHOTOS", photos) for part in MADE[script]]
    done = invoke(script, f"run={run}", *given, f"hydra.run.dir={tmp_path / 'link'}")
    assert done.code == 2
    assert one_line(done.err).startswith(f"adshift: the output folder {tmp_path / 'link'} is that of run={run} itself")
    assert _files(run) == before


def test_an_evaluation_does_not_lend_the_folder_of_its_model(run: Path, tiny: Path, tmp_path: Path) -> None:
    run_cell(tmp_path / "shifted", f"run={run}", "domain=shift", "adaptation=threshold", script="evaluate.py")
    before = _files(run)
    source = f"source={tiny / 'plate' / 'test' / 'good'}"
    done = invoke("predict.py", f"run={tmp_path / 'shifted'}", source, f"hydra.run.dir={run}")
    assert (done.code, _files(run)) == (2, before)
    assert f"is that of run={run} itself" in one_line(done.err)


def test_advice_does_not_replace_a_repaired_run_that_it_is_asked_about(run: Path, tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "repaired")
    photos = tiny / "plate" / "test" / "good"
    asked = [f"run={tmp_path / 'repaired'}", f"domain.root={photos}", f"hydra.run.dir={tmp_path}"]
    done = invoke("adshift/advise/__main__.py", *asked)
    assert (done.code, _files(tmp_path / "repaired")) == (2, _files(run))
    assert "itself, whose files would be replaced" in one_line(done.err)


@pytest.mark.parametrize("subfolder", ["", "hydra.sweep.subdir=${domain.name}"])
def test_a_cell_of_a_sweep_does_not_replace_the_run_either(subfolder: str, run: Path, tmp_path: Path) -> None:
    """Neither its own run nor that of another cell; nothing is written, not even by Hydra or about the failure."""
    held, other = tmp_path / ("shift" if subfolder else "1"), tmp_path / "another run"
    shutil.copytree(run, held)
    shutil.copytree(run, other)
    before = _files(tmp_path)
    runs = f"run='{other}',{held}" if not subfolder else f"run={held}"
    cells = ["domain=clean,shift" if subfolder else "domain=shift", "adaptation=none", f"hydra.sweep.dir={tmp_path}"]
    done = invoke("evaluate.py", "-m", runs, *cells, *([subfolder] if subfolder else []))
    assert (done.code, _files(tmp_path)) == (2, before), done.err
    assert f"the output folder {held} is that of run={held} itself" in one_line(done.err)


class _Stopped(datetime):
    """A clock that stands still."""

    moment: ClassVar[datetime] = datetime(2026, 1, 2, 3, 4, 5, 678901)

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return cls.moment


@pytest.mark.parametrize("mode", [[], ["-m"]])
def test_programs_of_the_same_second_have_folders_of_their_own(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: list[str]
) -> None:
    """And of two of the same microsecond the second is refused; what the first one made stays."""
    monkeypatch.chdir(tmp_path)
    with mock.patch("hydra.core.utils.datetime", _Stopped):
        made = [invoke("train.py", *mode, *tiny_overrides(tiny), "seed=1").code]
        refused = invoke("train.py", *mode, *tiny_overrides(tiny), "seed=2")
        monkeypatch.setattr(_Stopped, "moment", _Stopped.moment.replace(microsecond=678902))
        made.append(invoke("train.py", *mode, *tiny_overrides(tiny), "seed=2").code)
    assert (refused.code, made) == (2, [0, 0])
    assert "started in the same instant" in one_line(refused.err)
    results = sorted(tmp_path.rglob("result.json"))
    assert [read_result(path.parent)["config"]["seed"] for path in results] == [1, 2]


@pytest.mark.parametrize("mode", [[], ["-m"]])
def test_of_two_processes_that_start_in_the_same_instant_one_is_refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: list[str]
) -> None:
    """Two that name the same folder at the same time; what the other one makes is whole, and its alone."""
    monkeypatch.chdir(tmp_path)
    start, ready = os.pipe()

    def train(seed: int) -> int:
        os.close(ready)
        os.read(start, 1)  # until the parent closes its end
        done = invoke("train.py", *mode, *tiny_overrides(tiny), f"seed={seed}")
        (tmp_path / f"{seed}.err").write_text(done.err)
        return done.code

    with mock.patch("hydra.core.utils.datetime", _Stopped):
        children = {seed: forked(lambda seed=seed: train(seed)) for seed in (1, 2)}  # type: ignore[misc]
        os.close(ready)
        ends = {exit_status(child): seed for seed, child in children.items()}
    os.close(start)
    assert sorted(ends) == [0, 2], [path.read_text() for path in tmp_path.glob("*.err")]
    assert "started in the same instant" in one_line((tmp_path / f"{ends[2]}.err").read_text())
    (result,) = tmp_path.rglob("result.json")
    assert read_result(result.parent)["config"]["seed"] == ends[0]


@pytest.mark.parametrize(
    ("axis", "sign"),
    [("seed=0,1", "${seed}"), ("threshold=sigma,f1", "${hydra:runtime.choices.threshold}")],
)
def test_a_sweep_whose_cells_would_share_a_folder_is_refused(
    axis: str, sign: str, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    """Before its first job; and the name that the line gives keeps them apart."""
    nothing = ["data=folder", f"data.root={tmp_path / 'none'}", "data.category=none", "method=padim", "adaptation=none"]
    sweep = ["sweep=regimes", *nothing, axis, f"study.dir={tmp_path / 'out'}"]
    refused = invoke("train.py", *sweep)
    assert refused.code == 2
    line = one_line(refused.err)
    key, first, second = axis.partition("=")[0], *axis.partition("=")[2].split(",")
    assert f"{key}={first} and {key}={second} would share the folder padim_none_none" in line
    assert not (tmp_path / "out").exists()
    remedy = line.partition("name it: ")[2].strip("'")
    assert remedy.endswith(f"_{sign}")
    told = invoke("train.py", *sweep, remedy)
    assert not [warning for warning in recwarn if "Callback" in str(warning.message)]  # of the remedy's ${...}
    assert (told.code, len(list((tmp_path / "out" / "regimes").glob("padim_none_none_*")))) == (1, 2), told.err


NOTHING = ("data=folder", "data.root=none", "data.category=none", "method=padim", "metrics.bootstrap=0")


def test_cells_that_differ_in_several_keys_share_no_folder_either(tmp_path: Path) -> None:
    """No key alone makes a folder of two cells here: each is in its name."""
    sweep = ["-m", *NOTHING, "seed=1,11", "split.seed=1,11", f"hydra.sweep.dir={tmp_path / 'out'}"]
    refused = invoke("train.py", *sweep, "split=standard", "hydra.sweep.subdir=x${seed}${split.seed}")
    assert refused.code == 2
    assert "seed=1 split.seed=11 and seed=11 split.seed=1 would share the folder x111" in one_line(refused.err)
    assert not (tmp_path / "out").exists()


def test_a_part_that_several_keys_change_keeps_cells_apart(tmp_path: Path) -> None:
    """It is looked at for each pair of their values; and a sweep whose every cell has a folder is let through."""
    sweep = ["-m", *NOTHING, "domain=clean,shift", "domain.seed=0,1", f"hydra.sweep.dir={tmp_path / 'out'}"]
    told = invoke("train.py", *sweep, "hydra.sweep.subdir=${domain.name}_${domain.seed}_${hydra:job.override_dirname}")
    assert told.code == 1, told.err
    assert len(list((tmp_path / "out").rglob("failure.json"))) == 4
    mixed = invoke("train.py", *sweep, "hydra.sweep.subdir=${domain.name}")
    assert mixed.code == 2
    assert "domain.seed=0 and domain.seed=1 would share the folder clean" in one_line(mixed.err)


@pytest.mark.parametrize("name", sorted(path.name for path in (REPO / "conf").glob("*.yaml")))
def test_every_program_names_its_folders_by_the_microsecond(name: str) -> None:
    text = (REPO / "conf" / name).read_text(encoding="utf-8")
    own = (
        1 if name == "watch.yaml" else 2
    )  # a watch that is started again goes on in its folder; its sweeps have their own
    assert text.count("${now:%Y-%m-%d_%H-%M-%S-%f}") == text.count("${now:") == own
    assert "adshift.launch.folders.OwnFolders" in text
