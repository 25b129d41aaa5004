"""Folders of any name, typed as they are: on the command line, and in the commands that the program prints."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.images import draw, tiny_overrides
from helpers.inprocess import invoke, one_line
from helpers.odd import ODD
from helpers.repo import REPO
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser

from adshift.data.acquire import verify_files
from adshift.data.own import check_command
from adshift.data.samples import Sample
from adshift.errors import AdshiftError
from adshift.launch.arguments import arranged
from adshift.launch.quoting import PATHS, as_path, quoted
from adshift.tracking.log import track

COMMANDS = {"train": "train.py", "predict": "predict.py", "stress": "adshift/stress/__main__.py"}


def read(override: str) -> Any:
    return OverridesParser.create().parse_override(override).value()


@pytest.mark.parametrize("name", [name for name in ODD if name != "null"])
@pytest.mark.parametrize("key", ["data.root", "run", "source", "hydra.run.dir"])
def test_a_path_is_read_as_it_was_typed(name: str, key: str) -> None:
    for sweeping in (False, True):
        if not (sweeping and "," in name):  # several values, for want of a folder of that name
            assert read(as_path(f"{key}={name}", sweeping)) == name
            assert read(as_path(f"{key}=new/{name}/x", sweeping)) == f"new/{name}/x"


def test_what_is_written_in_hydras_own_way_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for override in ("run='A=1'", 'run="A=1"', r"run=A\=1", "data_root=null", "run=", "seed=0,1", "data.categories=[a,b]",
                     "hydra.run.dir=out/${now:%Y}", "method.layers=[layer2"):  # fmt: skip
        assert as_path(override, False) == override
    assert as_path("run=a,b", True) == "run=a,b"
    assert as_path("run=a,b", False) == "run='a,b'"
    for name in ("a,b", "null", r"A\=1"):  # but a folder that is there is meant
        (tmp_path / name).mkdir()
        assert read(as_path(f"run={name}", True)) == name


def test_every_key_that_names_a_place_is_quoted() -> None:
    """Read off conf/: what is called a root, a folder, weights, a run or a source."""
    names = {"root", "dir", "subdir", "weights", "run", "source", "data_root", "category"}
    found = set()
    for path in (REPO / "conf").glob("**/*.yaml"):
        group = "" if path.parent.name in ("conf", "sweep") else f"{path.parent.name}."
        found |= {
            group + key for key in _leaves(yaml.safe_load(path.read_text()) or {}) if key.rpartition(".")[2] in names
        }
    assert found - {"data.source"} <= PATHS  # data.source is one of a few words


def _leaves(node: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in node.items():
        found += _leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return found


@pytest.mark.parametrize("name", ODD[:8])
def test_the_programs_take_a_folder_of_any_name(name: str, tmp_path: Path) -> None:
    """``data.root=``, ``run=``, ``source=``, ``hydra.run.dir=``, and the printed ``next:`` pasted into a shell."""
    photos, run = tmp_path / name, tmp_path / "runs" / name
    for i in range(12):
        draw(photos / f"{i:03}.png", i)
    quick = [o for o in tiny_overrides(photos) if not o.startswith(("data.root", "data.category", "image_size"))]
    quick += ["image_size=32", "split=official", "crossfit=2", "logger=none"]
    done = invoke("train.py", *quick, f"data.root={photos}", f"hydra.run.dir={run}")
    assert done.code == 0, done.err
    assert json.loads((run / "result.json").read_text())["config"]["data"]["categories"] == [name]
    line = next(line for line in done.out.splitlines() if line.startswith("next: "))
    predict, stress = (shlex.split(command) for command in line.removeprefix("next: ").rsplit("; ", 1))
    assert predict[:2] == ["python", "predict.py"]
    assert stress[:3] == ["python", "-m", "adshift.stress"]
    given = [word.replace("source=NEW", f"source={photos}") for word in predict[2:]]
    done = invoke("predict.py", *given, "pictures=none", f"hydra.run.dir={tmp_path / 'found' / name}")
    assert done.code == 0, done.err
    summary = json.loads((tmp_path / "found" / name / "summary.json").read_text())
    assert (summary["run"], summary["source"], summary["images"]) == (str(run), str(photos), 12)
    with initialize_config_dir(str(REPO / "conf"), version_base="1.3"):
        assert compose("stress", arranged(stress[3:])).run == str(run)


@pytest.mark.parametrize("name", ODD)
def test_every_command_that_is_printed_can_be_pasted(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / name
    folder.mkdir()

    class Deaf:
        def log(self, _: object) -> None: ...

    track(Deaf(), folder)  # type: ignore[arg-type]  # nothing to read there: it says how to tell again
    said = capsys.readouterr().err
    words = shlex.split(said.partition("and python ")[2].partition(" tells it again")[0])
    assert words[0] == "evaluate.py"
    assert read(arranged(words[1:])[0]) == str(folder)
    for i in range(2):
        (folder / f"{i}.png").write_bytes(b"")
    with pytest.raises(AdshiftError) as told:
        verify_files(
            folder,
            [Sample(f"{i}.png", "c", "good") for i in range(2)],
            check_command("folder", folder.parent, [folder.name]),
        )
    words = shlex.split(str(told.value).partition("more: python ")[2].partition(" lists all")[0])
    assert words[:2] == ["-m", "adshift.data.check"]
    assert words[2] == str(folder)


@pytest.mark.parametrize(
    "override", ["data.name=A=1", "data.name=part#7", "data.name=plate(new)", "data.name=[b", "data.name=O'Neil"]
)
def test_a_value_that_cannot_be_read_is_told_with_what_was_typed_and_the_remedy_works(
    override: str, tmp_path: Path
) -> None:
    done = invoke("train.py", override, f"hydra.run.dir={tmp_path}")
    assert done.code == 2
    line = one_line(done.err)
    assert override in line
    (pasted,) = shlex.split(line.rpartition("quote it: ")[2])
    assert read(pasted) == override.partition("=")[2]


def test_several_values_without_a_sweep_are_told_with_what_was_typed(tmp_path: Path) -> None:
    done = invoke("train.py", "data.categories=plate,strip", f"hydra.run.dir={tmp_path}")
    line = one_line(done.err)
    assert "data.categories=plate,strip holds several values" in line
    remedies = [
        shlex.split(part)[0] for part in (line.partition("write ")[2].partition(";")[0], line.rpartition("text, ")[2])
    ]
    assert [read(remedy) for remedy in remedies] == [["plate", "strip"], "plate,strip"]


def test_an_override_without_a_value_is_none(tmp_path: Path) -> None:
    assert one_line(invoke("train.py", "a b=1").err).endswith("a b=1 is no override; write KEY=VALUE")


def test_quotes_are_hydras() -> None:
    for name in ODD:
        assert read(f"run={quoted(name)}") == name


def test_a_relative_folder_of_an_odd_name_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.chdir(tmp_path):
        os.mkdir("A=1")
        assert arranged(["data=folder", "data.root=A=1"])[:3] == ["data=folder", "data.root='.'", "data.category='A=1'"]
