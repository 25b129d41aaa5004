"""docs/extending.md: its files are written where it says, and its commands are run."""

from __future__ import annotations

import csv
import importlib
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import invoke, run_cell
from helpers.repo import REPO

PAGE = (REPO / "docs" / "extending.md").read_text(encoding="utf-8")
PACKAGES = ("adaptation", "calibration", "features", "methods")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_has_an_example_of_each_kind() -> None:
    assert (len(blocks("python")), len(blocks("yaml")), len(blocks("bash"))) == (4, 5, 5)
    for block in (*blocks("python"), *blocks("yaml")):
        path = block.splitlines()[0].removeprefix("# ")
        assert not (REPO / path).exists(), f"{path} exists by now; give the example another name"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The page's files in a folder that the packages, and Hydra with --config-dir, look into."""
    for block in (*blocks("python"), *blocks("yaml")):
        first, _, rest = block.partition("\n")
        path = tmp_path / first.removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rest)
    known = set(sys.modules)
    for name in PACKAGES:
        package = importlib.import_module(f"adshift.{name}")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "adshift" / name)])
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def command(option: str) -> list[str]:
    (line,) = [line for block in blocks("bash") for line in block.splitlines() if option in line.split()]
    words = shlex.split(line)
    assert words[:2] == ["python", "train.py"]
    return words[2:]


def run(installed: Path, tiny: Path, option: str) -> tuple[Path, dict[str, Any]]:
    base = [o for o in tiny_overrides(tiny) if not ("coreset" in o and "method" in option)]
    base = [o for o in base if not (o.startswith("backbone") and "backbone" in option)]
    words = [*base, "split=standard", "threshold=sigma", *command(option)]
    if option.startswith("threshold"):
        words.remove("threshold=sigma")
    folder = installed / "run"
    return folder, run_cell(folder, "--config-dir", str(installed / "conf"), *words)


def normals(folder: Path) -> list[float]:
    with (folder / "scores.csv").open(newline="") as handle:
        return [float(row["score"]) for row in csv.DictReader(handle) if row["role"] == "calibration"]


def test_the_calibrator(installed: Path, tiny: Path) -> None:
    folder, result = run(installed, tiny, "threshold=margin")
    found = result["threshold"]["plate"]
    assert found["kind"] == "margin"
    assert found["promised_rate"] is None
    assert found["value"] == pytest.approx(1.2 * max(normals(folder)), rel=1e-6)
    done = invoke(
        "train.py", "--config-dir", str(installed / "conf"), *tiny_overrides(tiny), "threshold=margin",
        "threshold.factor=0.5", f"hydra.run.dir={installed / 'no'}",
    )  # fmt: skip
    assert (done.code, done.err) == (2, "adshift: threshold.factor=0.5 must be >= 1; 1.1 is the default\n")


def test_the_regime(installed: Path, tiny: Path) -> None:
    folder, result = run(installed, tiny, "adaptation=model")
    assert json.loads((folder / "calibration.json").read_text())["domain"]["name"] == "clean"
    full = run_cell(
        installed / "full",
        *tiny_overrides(tiny),
        "split=standard",
        "threshold=sigma",
        "domain=shift",
        "adaptation=full",
    )
    assert (
        result["metrics"]["macro"]["image_auroc"] == full["metrics"]["macro"]["image_auroc"]
    )  # one and the same model
    assert result["threshold"] != full["threshold"]


def test_the_domain(installed: Path, tiny: Path) -> None:
    _, result = run(installed, tiny, "domain=dusk")
    assert result["config"]["domain"]["name"] == "dusk"
    same = [*tiny_overrides(tiny), "split=standard", "threshold=sigma"]
    same += ["domain=shift", "domain.geometric=false", "domain.severity=1.5"]
    assert result["metrics"] == run_cell(installed / "shift", *same)["metrics"]


@pytest.mark.parametrize("option", ["backbone=edges", "method=mean_patch"])
def test_what_scores(installed: Path, tiny: Path, option: str) -> None:
    folder, result = run(installed, tiny, option)
    assert result["metrics"]["macro"]["image_auroc"] == 1.0  # the defect is a white square
    assert result["metrics"]["macro"]["pixel_auroc"] > 0.9
    again = run_cell(installed / "again", f"run={folder}", script="evaluate.py")  # from its checkpoint
    assert again["metrics"] == result["metrics"]
    done = invoke("export.py", f"run={folder}", f"hydra.run.dir={installed / 'export'}")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert re.match(r"adshift: (backbone Edges|method MeanPatch) has no exported form; ", done.err)
