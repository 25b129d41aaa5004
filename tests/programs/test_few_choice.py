"""Whole cells whose few pictures choose what becomes of the model: what they say, and what comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.images import draw_category, tiny_overrides
from helpers.inprocess import run_cell

from adshift.stages import choice

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


def test_too_few_pictures_leave_the_model_and_say_so(fitted: Path, tmp_path: Path) -> None:
    result = few(fitted, tmp_path / "few", "few.k=3")
    found = result["adaptation"]
    assert found["few"]["way"] is None
    assert {one["auroc"] for one in found["few"]["candidates"]} == {None}
    assert (found["bytes"], found["simulated_images"], found["target_images"]) == (0, 0, 3)
    assert "3 images cannot show that an extension helps, 4 series can" in told(result)
    kept, clean = weights(tmp_path / "few" / "model.ckpt"), weights(fitted / "model.ckpt")
    assert all(torch.equal(kept[name], clean[name]) for name in clean)
    assert not any("cross-fitted" in line for line in result["warnings"])
    assert result["threshold"]["plate"]["promised_rate"] == pytest.approx(1 / 4)


def test_what_was_tried_stands_in_the_result_with_its_interval(fitted: Path, tmp_path: Path) -> None:
    result = few(fitted, tmp_path / "few", "few.k=5", "few.copies=0")
    found = result["adaptation"]["few"]
    old, *tried = found["candidates"]
    assert (old["way"], old["gain"], len(tried), len(found["without_each_fold"])) == (None, 0, 4, 5)
    for one in tried:
        low, high = one["interval"]
        assert low <= one["gain"] <= high
        assert one["gain"] == pytest.approx(one["auroc"] - old["auroc"])
    assert (found["way"] is None) == ("none is shown to find more" in told(result))


def test_a_chosen_way_is_the_one_that_is_asked_for(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "best_shown", lambda scores, fold_N: 2)
    result = few(fitted, tmp_path / "chosen", "few.k=5", "few.copies=0")
    way = result["adaptation"]["few"]["way"]
    assert way == {"copies": 0, "ratio": 1.0, "align": "none", "keep": 1.0}
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
