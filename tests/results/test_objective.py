"""The figure that a sweeper is told: by group and name, not a number where it is undefined, refused before the work."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import invoke

from adshift.errors import AdshiftError
from adshift.results.objective import DEFAULT, Objective

METRICS = {
    "macro": {"image_auroc": 0.9, "pro_030": None},
    "pooled": {"image_auroc": 0.8},
    "categories": {"nut.old": {"image_auroc": 0.7}},
}


@pytest.mark.parametrize(
    ("name", "value"), [("macro.image_auroc", 0.9), ("pooled.image_auroc", 0.8), ("nut.old.image_auroc", 0.7)]
)
def test_a_group_and_a_figure(name: str, value: float) -> None:
    assert Objective.named(name, ["nut.old", "weave"]).of(METRICS) == value


def test_an_undefined_figure_is_not_a_number() -> None:
    assert math.isnan(Objective.named("macro.pro_030", ["nut"]).of(METRICS))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("image_auroc", "objective=image_auroc is of no group of this run; its groups are: macro, nut"),
        ("macro.auroc", r"objective=macro\.auroc ends in no figure; give GROUP\.FIGURE with one of: image_auroc, "),
        ("pooled.image_auroc", "is of no group of this run; its groups are: macro, nut"),
        ("weave.image_auroc", "is of no group of this run"),
        (None, "objective=None ends in no figure"),
    ],
)
def test_what_a_run_does_not_have_is_refused(name: object, message: str) -> None:
    with pytest.raises(AdshiftError, match=message):
        Objective.named(name, ["nut"])


def test_the_default_is_the_studys_first_figure() -> None:
    assert Objective.named(DEFAULT, []) == Objective("macro", "image_auroc")


def test_it_is_refused_before_any_work(tiny: Path, tmp_path: Path) -> None:
    done = invoke("train.py", *tiny_overrides(tiny), "objective=macro.accuracies", f"hydra.run.dir={tmp_path / 'run'}")
    assert done.code == 2
    assert "objective=macro.accuracies ends in no figure" in done.err
    assert not (tmp_path / "run" / "model.ckpt").exists()
