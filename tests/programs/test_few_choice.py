"""Whole cells whose few pictures choose what becomes of the model: what they say, and what comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.images import draw_category, tiny_overrides
from helpers.inprocess import run_cell

from adshift.stages import choice

CUSTOMARY = {"copies": 0, "ratio": 0.1, "align": "none", "keep": 1.0}
CELL = ("image_size=32", "metrics.bootstrap=0", "metrics.latency=false", "split=standard", "threshold=conformal")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, folder = tmp_path_factory.mktemp("plates"), tmp_path_factory.mktemp("fit") / "run"
    draw_category(root, "plate", train=30)
    run_cell(folder, *tiny_overrides(root), *CELL, "domain=clean")
    return folder


def few(run: Path, folder: Path, *more: str) -> dict[str, Any]:
    return run_cell(folder, f"run={run}", "domain=shift", "adaptation=few_chosen", *more, script="evaluate.py")


def weights(path: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return found


def told(result: dict[str, Any]) -> str:
    (line,) = [line for line in result["warnings"] if line.startswith("few: ")]
    return str(line)


def test_too_few_pictures_extend_it_in_the_customary_way_and_say_so(fitted: Path, tmp_path: Path) -> None:
    result = few(fitted, tmp_path / "few", "few.k=3")
    found = result["adaptation"]["few"]
    assert found["way"] == found["candidates"][0]["way"] == CUSTOMARY
    assert {one["auroc"] for one in found["candidates"]} == {None}
    assert "3 images cannot show which way to extend the model is best, 4 series can" in told(result)
    customary = run_cell(
        tmp_path / "given", f"run={fitted}", "domain=shift", "adaptation=few", "few.k=3", script="evaluate.py"
    )
    assert customary["metrics"] == result["metrics"]
    assert customary["threshold"] == result["threshold"]


def test_what_was_tried_stands_in_the_result_with_its_interval(fitted: Path, tmp_path: Path) -> None:
    found = few(fitted, tmp_path / "few", "few.k=5", "few.copies=0")["adaptation"]["few"]
    customary, old, *others = found["candidates"]
    assert (customary["way"], customary["gain"], old["way"], len(others)) == (CUSTOMARY, 0, None, 3)
    assert len(found["without_each_fold"]) == 5
    for one in (old, *others):
        low, high = one["interval"]
        assert low <= one["gain"] <= high
        assert one["gain"] == pytest.approx(one["auroc"] - customary["auroc"])


def test_a_model_that_is_shown_to_be_as_good_stays(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "to_take", lambda scores, fold_N: 1)
    result = few(fitted, tmp_path / "few", "few.k=5", "few.copies=0")
    found = result["adaptation"]
    assert found["few"]["way"] is None
    assert (found["bytes"], found["simulated_images"], found["target_images"]) == (0, 0, 5)
    assert "the model is shown to be as good as it was fitted, judged by 5 images and pasted defects" in told(result)
    kept, clean = weights(tmp_path / "few" / "model.ckpt"), weights(fitted / "model.ckpt")
    assert all(torch.equal(kept[name], clean[name]) for name in clean)
    assert not any("cross-fitted" in line for line in result["warnings"])
    assert result["threshold"]["plate"]["promised_rate"] == pytest.approx(1 / 6)


def test_a_chosen_way_is_the_one_that_is_asked_for(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "to_take", lambda scores, fold_N: 2)
    result = few(fitted, tmp_path / "chosen", "few.k=5", "few.copies=0")
    way = result["adaptation"]["few"]["way"]
    assert way == {**CUSTOMARY, "ratio": 1.0}
    assert "few.copies=0 few.ratio=1.0 few.align=none few.keep=1.0 was chosen of 4 ways" in told(result)
    given = few(fitted, tmp_path / "given", "few.k=5", *(f"few.{key}={value}" for key, value in way.items()))
    assert given["adaptation"]["few"] == {"way": way, "chosen": False}
    for part in ("metrics", "threshold", "pixel_threshold"):
        assert given[part] == result[part]
    assert (tmp_path / "given" / "scores.csv").read_text() == (tmp_path / "chosen" / "scores.csv").read_text()


def test_one_series_is_scored_by_the_model_without_it(fitted: Path, tmp_path: Path) -> None:
    given = ("few.ratio=0.1", "few.align=none", "few.weight=0.25", "few.copies=0", "few.keep=1")
    result = few(fitted, tmp_path / "one", "few.k=1", *given)
    assert "all images are of one series and were scored by the model without them" in told(result)
