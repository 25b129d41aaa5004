"""docs/configuration.md is what conf/ says, and says every key that a command line can set."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from helpers.repo import REPO
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

PAGE = (REPO / "docs" / "configuration.md").read_text(encoding="utf-8")
REMEDY = "make docs writes the page anew; a new key needs a comment in its YAML"


@pytest.fixture
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("configuration_page", REPO / "docs" / "configuration.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def leaves(node: dict[str, Any], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for key, value in node.items():
        found |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {prefix + key}
    return {key for key in found if not key.endswith("_target_")}


def options() -> list[tuple[str, str]]:
    """Every option of every group, read off the folders here, not by the program that writes the page."""
    return [(p.parent.name, p.stem) for p in sorted((REPO / "conf").glob("*/*.yaml")) if not p.name.startswith("_")]


@pytest.fixture(autouse=True)
def conf() -> Iterator[None]:
    with initialize_config_dir(str(REPO / "conf"), version_base="1.3"):
        yield


def composed(program: str, *overrides: str) -> set[str]:
    found = OmegaConf.to_container(compose(program, list(overrides)))
    assert isinstance(found, dict)
    return leaves({str(key): value for key, value in found.items()})


def test_every_key_has_a_comment_and_the_page_is_up_to_date(
    program: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(["--check"]) == 0, f"{capsys.readouterr().err}{REMEDY}"


@pytest.mark.parametrize("name", sorted(path.stem for path in (REPO / "conf").glob("*.yaml")))
def test_every_key_of_a_program_is_on_the_page(name: str) -> None:
    title = f"{name}.py" if (REPO / f"{name}.py").is_file() else f"python -m adshift.{name}"
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    keys = composed(name)
    assert keys
    for key in keys:
        group = key.partition(".")[0]
        assert f"`{key}`" in PAGE, REMEDY
        assert f"| `{key}` |" in section or f"[`{group}`](#{group})" in section or key == "coreset_ratio"


def test_every_key_of_every_option_is_on_the_page() -> None:
    assert len(options()) > 50
    for group, option in options():
        section = PAGE.partition(f"\n## {group}\n")[2].partition("\n## ")[0]
        assert f"`{option}`" in section, REMEDY
        for key in composed("train", f"{group}={option}"):
            assert f"| `{key}` |" in PAGE, f"{group}={option} has {key}: {REMEDY}"


def test_defaults_are_the_composed_ones() -> None:
    for row in ("| `image_size` | `224` |", "| `threshold.k` | `3.0` |", "| `run` | `???` |", "| `force` | `false` |"):
        assert row in PAGE
    assert "| [`backbone`](#backbone) | `resnet50` |" in PAGE
    assert "| [`adaptation`](#adaptation) | `none` |" in PAGE


@pytest.fixture
def copy(program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(REPO / "conf", tmp_path / "conf")
    monkeypatch.setattr(program, "CONF", tmp_path / "conf")
    monkeypatch.setattr(program, "PAGE", tmp_path / "page.md")
    return tmp_path


def test_a_key_without_a_comment_is_refused(
    program: ModuleType, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy / "conf" / "threshold" / "sigma.yaml"
    path.write_text(path.read_text() + "reach: [1, 2]\n")
    assert program.main([]) == 1
    assert capsys.readouterr().err == "without a comment in conf/: threshold: threshold.reach\n"
    assert not (copy / "page.md").exists()
    path.write_text(path.read_text().replace("2]\n", "2] # far | wide\n"))
    assert program.main([]) == 0
    assert r"| `threshold.reach` | `[1, 2]` | sigma | far \| wide |" in (copy / "page.md").read_text()


def test_an_old_page_is_told(program: ModuleType, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--check"]) == 1
    assert program.main([]) == 0
    assert (copy / "page.md").read_text() == PAGE
    assert program.main(["--check"]) == 0
    path = copy / "conf" / "train.yaml"
    path.write_text(path.read_text().replace("image_size: 224", "image_size: 256"))
    capsys.readouterr()
    assert program.main(["--check"]) == 1
    assert "write it anew with make docs" in capsys.readouterr().err
