"""A configuration is composed once, and comes out as when it is composed twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import invoke
from hydra._internal import hydra
from hydra._internal.hydra import Hydra

from adshift.launch.composing import compose_once


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for each composition."""
    whole, seen = Hydra.compose_config, []

    def compose(self: Hydra, *args: object, **kwargs: object) -> object:
        seen.append(str(kwargs.get("run_mode")))
        return whole(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Hydra, "compose_config", compose)
    return seen


def test_a_mistake_is_told_after_one_composition(composed: list[str]) -> None:
    done = invoke("train.py", "data=folder", "data.root=/nowhere", "backbone=small")
    assert done.code == 2
    assert len(composed) == 1


def test_a_sweeps_file_still_says_that_it_sweeps(composed: list[str], tmp_path: Path) -> None:
    done = invoke("train.py", "sweep=clean", f"study.dir={tmp_path}", "study.categories=nut", "image_size=1")
    assert len(composed) > 1
    assert "cells failed" in done.err


def test_m_still_sweeps(composed: list[str], tiny: Path, tmp_path: Path) -> None:
    words = [word for word in tiny_overrides(tiny) if not word.startswith("seed=")]
    invoke("train.py", "-m", *words, "seed=3,4", f"hydra.sweep.dir={tmp_path}")
    seeds = [json.loads((tmp_path / str(cell) / "result.json").read_text())["config"]["seed"] for cell in range(2)]
    assert seeds == [3, 4]


def test_a_version_without_the_method_composes_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    later = type("Hydra", (), {})
    monkeypatch.setattr(hydra, "Hydra", later)
    compose_once()
    assert not hasattr(later, "get_mode")


def test_it_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compose_once()
    method = Hydra.get_mode
    compose_once()
    assert Hydra.get_mode is method
