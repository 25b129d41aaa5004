"""Whole cells under the regimes that go beyond the study: what they may see, what must not change them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.images import tiny_overrides
from helpers.inprocess import invoke, run_cell
from helpers.regimes import change_split
from PIL import Image

import adshift
from adshift.data.splits import Split
from adshift.errors import AdshiftError
from adshift.report.cells import to_cells
from adshift.report.runs import Run

REGIMES = {
    "robust": ("robust.copies=1",),
    "few": ("few.k=2", "few.copies=1", "few.align=moments"),
    "robust_few": ("robust.copies=1", "few.k=2"),
    "test_time": ("test_time.batch=4", "test_time.views=[identity,rot90]"),
}
METHODS = ("patchcore", "padim")


def cell(root: Path, method: str = "patchcore", *more: str) -> list[str]:
    chosen = [*tiny_overrides(root), "image_size=32", "metrics.bootstrap=0", "split=standard", "threshold=quantile",
              "domain=shift", f"method={method}"]  # fmt: skip
    return [*(o for o in chosen if method == "patchcore" or not o.startswith("coreset_ratio")), *more]


def under(root: Path, regime: str, method: str = "patchcore") -> list[str]:
    return cell(root, method, f"adaptation={regime}", *REGIMES.get(regime, ()))


Cells = Callable[..., Path]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Cells:
    """``cells(*overrides)``: the folder of that cell, run once a module; read only."""
    base = tmp_path_factory.mktemp("cells")
    done: dict[tuple[str, ...], Path] = {}

    def folder(*overrides: str) -> Path:
        if overrides not in done:
            run_cell(base / str(len(done)), *overrides)
            done[overrides] = base / str(len(done))
        return done[overrides]

    return folder


def result_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def scores(folder: Path) -> list[tuple[str, str, str, str]]:
    with (folder / "scores.csv").open(newline="") as handle:
        return [(r["path"], r["role"], r["score"], r["threshold"]) for r in csv.DictReader(handle)]


def state(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(path, weights_only=True)["state_dict"]
    return found


def flipped(split: Split) -> Split:
    """Every test label the other way round, on the same files."""
    return replace(split, test=tuple(replace(s, defect="good" if s.label else "dent", mask=None) for s in split.test))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("regime", REGIMES)
def test_no_regime_looks_at_a_test_label(
    cells: Cells, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, regime: str, method: str
) -> None:
    true = cells(*under(tiny, regime, method))
    change_split(monkeypatch, flipped)
    result = run_cell(tmp_path / "flipped", *under(tiny, regime, method))
    assert result["counts"]["plate"]["test_normal"] == 8
    assert scores(tmp_path / "flipped") == scores(true)


@pytest.mark.parametrize("regime", REGIMES)
def test_the_test_set_changes_neither_fit_nor_threshold(
    cells: Cells, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, regime: str
) -> None:
    whole = cells(*under(tiny, regime))
    change_split(monkeypatch, lambda split: replace(split, test=split.test[:1]))
    one = run_cell(tmp_path / "one", *under(tiny, regime))
    assert one["threshold"] == result_of(whole)["threshold"]
    first, second = state(whole / "model.ckpt"), state(tmp_path / "one" / "model.ckpt")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("method", METHODS)
def test_no_copies_are_the_plain_fit(cells: Cells, tiny: Path, tmp_path: Path, method: str) -> None:
    run_cell(tmp_path / "robust", *cell(tiny, method, "adaptation=robust", "robust.copies=0"))
    assert scores(cells(*cell(tiny, method))) == scores(tmp_path / "robust")


@pytest.mark.parametrize("method", METHODS)
def test_few_is_the_same_wherever_it_is_applied(cells: Cells, tiny: Path, tmp_path: Path, method: str) -> None:
    """Trained with it, evaluated again, applied to a finished clean run, and without a store."""
    chosen = under(tiny, "few", method)
    few, plain = cells(*chosen), cells(*cell(tiny, method), "domain=clean")
    run_cell(tmp_path / "alone", *chosen, "store=off")
    run_cell(tmp_path / "again", f"run={few}", script="evaluate.py")
    applied = ("domain=shift", "adaptation=few", *REGIMES["few"])
    run_cell(tmp_path / "applied", f"run={plain}", *applied, script="evaluate.py")
    for name in ("alone", "again", "applied"):
        assert scores(tmp_path / name) == scores(few), name
    base, repaired = state(few / "base.ckpt"), state(few / "model.ckpt")
    clean = state(plain / "model.ckpt")
    assert all(torch.equal(base[name], clean[name]) for name in clean)
    assert any(base[n].shape != repaired[n].shape or not torch.equal(base[n], repaired[n]) for n in base)


def test_a_repaired_model_is_the_one_that_predicts(cells: Cells, tiny: Path, tmp_path: Path) -> None:
    clean = cells(*cell(tiny), "domain=clean")
    few = ("adaptation=few", "few.k=2", "few.ratio=1.0")
    result = run_cell(tmp_path / "few", f"run={clean}", *few, script="evaluate.py")
    table = {path: float(score) for path, role, score, _ in scores(tmp_path / "few") if role == "test"}
    detector = adshift.load(tmp_path / "few")
    for path in list(table)[::5]:
        (found,) = detector.predict(Image.open(tiny / path))
        assert found.score == pytest.approx(table[path], rel=1e-4)
    assert len(detector.method.bank_MD) == result["memory"]["bank_vectors"]
    assert len(detector.method.bank_MD) > len(adshift.load(clean).method.bank_MD)


@pytest.mark.parametrize("statistics", ["mean", "none"])
def test_a_model_that_needs_more_does_not_predict_one_image(tiny: Path, tmp_path: Path, statistics: str) -> None:
    run_cell(tmp_path / "run", *under(tiny, "test_time"), f"test_time.statistics={statistics}")
    with pytest.raises(AdshiftError, match=r"scores whole batches or several views \(adaptation=test_time\)"):
        adshift.load(tmp_path / "run")


def test_few_states_what_so_few_images_can_promise(tiny: Path, tmp_path: Path) -> None:
    result = run_cell(tmp_path, *under(tiny, "few"), "threshold=conformal", "threshold.alpha=0.05")
    held = result["threshold"]["plate"]
    assert (held["n"], held["promised_rate"]) == (2, pytest.approx(1 / 3))
    told = " ".join(result["warnings"])
    assert "2 normals cannot promise alpha=0.05" in told
    assert "cross-fitted over 2 folds: the promised rate is approximate" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("split=official",), "few.k=2 images are drawn from the calibration normals, and the split leaves plate 0"),
        (("few.k=5",), "few.k=5 images are drawn from the calibration normals, and the split leaves plate 4"),
        (("threshold=f1",), "threshold=f1 needs anomalous calibration images, and adaptation=few calibrates on"),
        (("few.align=all",), "few.align=all must be one of: none, moments, covariance"),
    ],
)
def test_few_is_refused_in_one_line(tiny: Path, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    last = {a.split("=")[0] for a in arguments}
    chosen = [o for o in under(tiny, "few") if o.split("=")[0] not in last]
    done = invoke("train.py", *chosen, *arguments, f"hydra.run.dir={tmp_path}")
    assert done.code == 2
    assert f"adshift: {message}" in done.err
    assert not (tmp_path / "base.ckpt").exists()


@pytest.mark.parametrize(
    ("regime", "more", "target_data", "images", "simulated", "costs"),
    [
        ("none", (), "none", 0, 0, False),
        ("threshold", (), "4 calibration normals", 4, 0, True),
        ("threshold", ("split=study", "threshold=f1"),
         "4 calibration normals + 2 calibration anomalies with their labels", 6, 0, True),
        ("full", (), "16 train normals + 4 calibration normals", 20, 0, True),
        ("robust", (), "none", 0, 16, True),
        ("few", (), "2 unlabelled normals", 2, 2, True),
        ("robust_few", (), "2 unlabelled normals", 2, 16, True),
        ("test_time", (), "test batch, unlabelled", 14, 0, True),
        ("test_time", ("test_time.views=[rot90]",), "test batch, unlabelled", 14, 0, False),
        ("test_time", ("test_time.statistics=none",), "none", 0, 0, True),
    ],
)  # fmt: skip
def test_each_regime_declares_what_it_saw(
    cells: Cells, tiny: Path, regime: str, more: tuple[str, ...], target_data: str, images: int, simulated: int,
    costs: bool,
) -> None:  # fmt: skip
    last = {a.split("=")[0] for a in more}
    chosen = [o for o in under(tiny, regime) if o.split("=")[0] not in last]
    found = result_of(cells(*chosen, *more))["adaptation"]
    assert (found["regime"], found["target_data"], found["target_images"]) == (regime, target_data, images)
    assert found["simulated_images"] == simulated
    assert (found["seconds"] > 0) is costs
    assert (found["bytes"] > 0) is (regime not in ("none", "threshold", "test_time"))


def test_robust_calibrates_on_the_copies_too(cells: Cells, tiny: Path) -> None:
    folder = cells(*under(tiny, "robust"))
    result = result_of(folder)
    rows = [row for row in scores(folder) if row[1] == "calibration"]
    assert (len(rows), len({row[0] for row in rows}), result["threshold"]["plate"]["n"]) == (8, 4, 8)
    assert json.loads((folder / "calibration.json").read_text())["domain"]["and"][0]["seed"] == -1
    assert any(
        "each of the 4 calibration images is scored in 2 domains and counts as one" in line
        for line in result["warnings"]
    )


def test_evaluate_keeps_a_robust_model_and_repairs_it(cells: Cells, tiny: Path, tmp_path: Path) -> None:
    robust, both, plain = cells(*under(tiny, "robust")), cells(*under(tiny, "robust_few")), cells(*cell(tiny))
    run_cell(tmp_path / "same", f"run={robust}", script="evaluate.py")
    assert scores(tmp_path / "same") == scores(robust)
    found = run_cell(tmp_path / "few", f"run={robust}", "adaptation=few", "few.k=2", script="evaluate.py")
    assert scores(tmp_path / "few") == scores(both)
    assert found["adaptation"]["target_images"] == 2
    assert result_of(plain)["adaptation"]["seconds"] == 0
    thresholds = {}
    for name, run in (("robust", robust), ("plain", plain)):
        thresholds[name] = tmp_path / f"threshold_{name}"
        run_cell(thresholds[name], f"run={run}", "adaptation=threshold", "domain=shift", script="evaluate.py")
    labels = [cell.detector for cell in to_cells([Run.read(folder) for folder in thresholds.values()])]
    assert labels == ["PatchCore (born robust)", "PatchCore"]  # two models, under one threshold regime
    done = invoke("evaluate.py", f"run={plain}", "adaptation=robust", f"hydra.run.dir={tmp_path / 'no'}")
    assert done.code == 2
    assert "adaptation=robust needs a new fit" in done.err
