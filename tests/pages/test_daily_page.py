"""docs/daily.md: every command, example and snippet of it is run."""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
from pathlib import Path

import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import invoke, run_cell
from helpers.repo import REPO

PAGE = REPO / "docs" / "daily.md"


def blocks(language: str) -> list[str]:
    """The page's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run_cell(folder, *tiny_overrides(tiny), "threshold=sigma", "threshold.k=50")  # far from every score
    return folder


def test_examples_give_what_they_say(run: Path, tiny: Path) -> None:
    images = [str(path) for path in sorted((tiny / "plate" / "test").glob("*/00[01].png"))]
    found = doctest.testfile(
        str(PAGE), module_relative=False, globs={"RUN": str(run), "IMAGES": images}, optionflags=doctest.ELLIPSIS
    )
    assert found.failed == 0
    assert found.attempted >= 7


@pytest.mark.slow
def test_commands_run_in_their_order(run: Path, tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="needs the export extra")
    pytest.importorskip("openvino", reason="needs the export extra")
    for name in ("tensorboard", "mlflow", "wandb"):
        pytest.importorskip(name, reason="needs the trackers extra")
    (tmp_path / "new").mkdir()
    shutil.copy(tiny / "plate" / "test" / "good" / "000.png", tmp_path / "new")
    places = {"DIR": str(run), "NEW": str(tmp_path / "new"), "REPAIRED": str(tmp_path / "repaired")}
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    commands = [line for line in commands if line.startswith("python ") and "http" not in line]
    assert len(commands) == 14  # the others start servers: tests/tracking/test_tracking_servers.py
    for i, command in enumerate(commands):
        words = shlex.split(re.sub("|".join(places), lambda m: places[m.group()], command))
        assert words[0] == "python"
        if words[1] == "train.py":
            words[2:2] = tiny_overrides(tiny)
        if "logger=mlflow" in words:
            words.append(f"logger.store={tmp_path / 'store'}")
        if not any(word.startswith("hydra.run.dir") for word in words):
            words.append(f"hydra.run.dir={tmp_path / str(i)}")
        done = invoke(*words[1:])
        assert done.code == 0, (command, done.err)


def test_the_snippet_needs_nothing_of_adshift(
    run: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime", reason="needs the export extra")
    done = invoke("export.py", f"run={run}", f"hydra.run.dir={tmp_path}")
    assert done.code == 0, done.err
    (snippet,) = blocks("python")
    assert "import adshift" not in snippet
    monkeypatch.chdir(tmp_path)
    for part, verdict in (("blot", True), ("good", False)):
        shutil.copy(tiny / "plate" / "test" / part / "002.png", tmp_path / "new.png")
        held: dict[str, object] = {}
        exec(snippet, held)
        assert bool(held["anomalous"]) is verdict
