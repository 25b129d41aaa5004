"""The words of a command line in the order that Hydra takes them, with short forms written out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.images import draw, tiny_overrides
from helpers.inprocess import invoke

from adshift.launch.arguments import arranged

SHORT = ["data=folder", "data.root=a/b"]
LONG = ["data=folder", "data.root='a'", "data.category='b'", "split=official", "crossfit=5"]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i in range(12):
        draw(tmp_path / "photos" / f"{i:03}.png", i)
    return tmp_path / "photos"


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        ([*SHORT, "--cfg", "job"], ["--cfg", "job"]),
        (["--cfg", "job", *SHORT], ["--cfg", "job"]),
        ([*SHORT, "-m"], ["-m"]),
        (["-m", *SHORT], ["-m"]),
        ([SHORT[0], "--multirun", SHORT[1]], ["--multirun"]),
        ([*SHORT, "--config-dir", "A=1"], ["--config-dir", "A=1"]),
        (["--info", *SHORT], ["--info"]),
    ],
)
def test_overrides_come_before_flags_wherever_they_were_typed(words: list[str], flags: list[str]) -> None:
    found = arranged(words)
    assert found[: len(LONG)] == LONG
    assert found[-len(flags) :] == flags


def test_a_short_key_is_written_out() -> None:
    assert arranged(["threshold=0.6"], {"threshold": "threshold.value"}) == ["threshold.value=0.6"]
    assert arranged(["threshold=0.6", "~split", "-m"]) == ["threshold=0.6", "~split", "-m"]


def test_the_short_form_shows_its_configuration(photos: Path) -> None:
    done = invoke("train.py", "data=folder", f"data.root={photos}", "--cfg", "job")
    assert done.code == 0, done.err
    assert "  category: photos\n" in done.out
    assert "crossfit: 5\n" in done.out


@pytest.mark.parametrize("place", ["front", "middle", "end"])
def test_a_sweep_over_ones_own_folder(place: str, photos: Path, tmp_path: Path) -> None:
    quick = [
        o for o in tiny_overrides(photos) if not o.startswith(("data=", "data.root", "data.category", "image_size"))
    ]
    quick += ["image_size=32", "split=official", "crossfit=2", "logger=none"]
    words = ["data=folder", f"data.root={photos}", "seed=0,1"]
    words.insert({"front": 0, "middle": 1, "end": 3}[place], "-m")
    done = invoke("train.py", *words, *quick, f"hydra.sweep.dir={tmp_path / 'out'}")
    assert done.code == 0, done.err
    configs = [json.loads((tmp_path / "out" / job / "result.json").read_text())["config"] for job in "01"]
    assert [config["seed"] for config in configs] == [0, 1]
    assert all(config["data"]["categories"] == ["photos"] for config in configs)
