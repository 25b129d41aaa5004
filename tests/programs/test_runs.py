"""Whole cells on a tiny data set: what they leave behind, what must not change them, and what evaluate.py makes of them."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.images import tiny_overrides
from helpers.inprocess import Finished, invoke, run_cell
from helpers.repo import Program
from PIL import Image
from sklearn.metrics import average_precision_score, roc_auc_score
from torchvision.models import resnet18 as torchvision_resnet18

from adshift.data.samples import index_category
from adshift.data.splits import StudySplit

RANK = ("image_auroc", "image_ap", "pixel_auroc", "pixel_ap", "pro_030", "pro_005")
DECISION = ("image_f1", "precision", "recall", "specificity", "accuracy", "pixel_f1", "false_alarm_rate")
METHODS = ("patchcore", "padim")


def overrides_of(root: Path, method: str = "patchcore", category: str = "plate") -> list[str]:
    """The fixture's overrides at half its size; PaDiM owns no coreset_ratio."""
    chosen = [*tiny_overrides(root, category), "image_size=32", f"method={method}"]
    return [o for o in chosen if method == "patchcore" or not o.startswith("coreset_ratio")]


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "scores.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def macro(result: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: result["metrics"]["macro"][name] for name in names}


def score_columns(folder: Path) -> list[tuple[str, str, str]]:
    return [(row["path"], row["role"], row["score"]) for row in rows_of(folder)]


Cells = Callable[..., Path]


@pytest.fixture(scope="module")
def cells(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Cells:
    """``cells(*overrides, method=...)``: the folder of that cell, run once a module."""
    base = tmp_path_factory.mktemp("cells")
    done: dict[tuple[str, ...], Path] = {}

    def folder(*overrides: str, method: str = "patchcore") -> Path:
        key = (method, *overrides)
        if key not in done:
            run_cell(base / str(len(done)), *overrides_of(tiny, method), *overrides)
            done[key] = base / str(len(done))
        return done[key]

    return folder


def result_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def evaluate(run: Path, folder: Path, *overrides: str) -> Finished:
    return invoke("evaluate.py", f"run={run}", *overrides, f"hydra.run.dir={folder}")


@pytest.mark.parametrize("method", METHODS)
def test_result_json_holds_every_key_of_the_contract(cells: Cells, method: str) -> None:
    folder = cells("domain=shift", method=method)
    text = (folder / "result.json").read_text()

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in result.json")

    result = json.loads(text, parse_constant=refuse)
    assert isinstance(result["schema"], int)
    assert {"config", "metrics", "threshold", "counts", "timing", "memory", "provenance", "warnings"} <= set(result)
    assert list(result["metrics"]["categories"]) == ["plate"]
    for part in (result["metrics"]["macro"], result["metrics"]["categories"]["plate"]):
        assert {*RANK, *DECISION} <= set(part)
        for name in (*RANK, "recall", "specificity"):
            low, high = part[f"{name}_ci"]
            assert 0 <= low <= high <= 1, name
        assert part["false_alarm_rate"] == pytest.approx(1 - part["specificity"])
    assert set(result["threshold"]["plate"]) == {"kind", "value", "promised_rate", "n"}
    assert result["threshold"]["plate"]["promised_rate"] is None
    assert result["counts"]["plate"] == {
        "train": 16, "calibration_normal": 4, "calibration_anomalous": 2, "test_normal": 6, "test_anomalous": 6,
    }  # fmt: skip
    stages = {"load", "embed", "fit", "score", "metrics", "ms_per_image"} | (
        {"coreset"} if method == "patchcore" else set()
    )
    assert stages <= set(result["timing"])
    assert {"bank_vectors", "bank_mb", "peak_rss_mb", "peak_cuda_mb"} <= set(result["memory"])
    provenance = {"git_commit", "packages", "device", "weights_sha256", "samples_sha256", "seeds"}
    assert provenance <= set(result["provenance"])
    assert result["config"]["domain"]["name"] == "shift"
    assert result["config"]["image_size"] == 32
    assert "${" not in text


def test_the_bank_is_reported_in_vectors_and_megabytes(cells: Cells) -> None:
    memory = result_of(cells("domain=shift"))["memory"]
    assert memory["bank_vectors"] == int(0.1 * 16 * 16)
    assert memory["bank_mb"] == pytest.approx(memory["bank_vectors"] * 384 * 4 / 1e6)


def test_scores_csv_has_a_row_an_image_and_one_decision_rule(cells: Cells) -> None:
    folder = cells("domain=shift")
    rows, result = rows_of(folder), result_of(folder)
    assert list(rows[0]) == ["path", "category", "defect", "label", "role", "score", "threshold", "decision"]
    assert [row["role"] for row in rows].count("calibration") == 6
    assert [row["role"] for row in rows].count("test") == 12
    assert len({row["path"] for row in rows}) == 18
    for row in rows:
        assert row["category"] == "plate"
        assert row["path"].startswith("plate/")
        assert int(row["label"]) == int(row["defect"] != "good")
        assert float(row["threshold"]) == result["threshold"]["plate"]["value"]
        assert int(row["decision"]) == int(float(row["score"]) >= float(row["threshold"]))
    calibration = [row for row in rows if row["role"] == "calibration"]
    scores, called = np.array([[float(row["score"]), float(row["decision"])] for row in calibration]).T
    under, over = scores[called == 0].max(), scores[called == 1].min()
    assert float(calibration[0]["threshold"]) == pytest.approx((under + over) / 2)  # f1's lies in the gap


def test_the_figures_are_those_of_the_scores_and_maps_on_disk(cells: Cells, tiny: Path) -> None:
    folder = cells("domain=shift", "save_maps=true")
    test = [row for row in rows_of(folder) if row["role"] == "test"]
    figures = result_of(folder)["metrics"]["macro"]
    labels = [int(row["label"]) for row in test]
    scores = [float(row["score"]) for row in test]
    calls = np.array([int(row["decision"]) for row in test])
    assert figures["image_auroc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
    assert figures["image_ap"] == pytest.approx(average_precision_score(labels, scores), abs=1e-9)
    assert figures["recall"] == pytest.approx(calls[np.array(labels) == 1].mean())
    assert figures["false_alarm_rate"] == pytest.approx(calls[np.array(labels) == 0].mean())
    maps = np.load(folder / "maps.npz")
    assert set(maps.files) == {row["path"] for row in test}
    assert all((maps[name].shape, maps[name].dtype) == ((32, 32), np.float32) for name in maps.files)
    from adshift.data.dataset import ImageDataset
    from adshift.data.samples import index_category
    from adshift.shift.by_name import named_domain

    found = index_category(tiny, "plate")
    samples = {s.path: s for s in (*found.test_good, *found.test_anomalous)}
    served = ImageDataset(tiny, [samples[name] for name in maps.files], named_domain("shift", 1.0, 0), 32)
    masks = np.concatenate([item.mask.ravel() for item in served if item.mask is not None])
    pixels = np.concatenate([maps[name].ravel() for name in maps.files])
    assert figures["pixel_auroc"] == pytest.approx(roc_auc_score(masks, pixels), abs=1e-6)
    assert figures["pixel_ap"] == pytest.approx(average_precision_score(masks, pixels), abs=1e-6)
    pictures = list((folder / "pictures").rglob("*.png"))
    assert pictures
    for picture in pictures:
        with Image.open(picture) as opened:
            opened.load()


def test_calibration_and_checkpoint_stand_beside_the_result(cells: Cells) -> None:
    folder = cells("domain=shift")
    assert {".hydra", "model.ckpt", "calibration.json", "scores.csv", "result.json"} <= {
        p.name for p in folder.iterdir()
    }
    assert not list(folder.glob(".partial-*"))  # nothing half-written
    calibration = json.loads((folder / "calibration.json").read_text())
    assert calibration["image"]["plate"]["threshold"] == result_of(folder)["threshold"]["plate"]["value"]
    assert calibration["domain"]["name"] == "clean"
    stored = torch.load(folder / "model.ckpt", weights_only=True)
    assert stored["state_dict"]["method.bank_MD"].shape == (25, 384)
    assert "pytorch-lightning_version" in stored


def test_maps_are_left_out_unless_asked_for(cells: Cells) -> None:
    folder = cells("domain=shift")
    assert not (folder / "maps.npz").exists()
    assert not (folder / "pictures").exists()


@pytest.mark.parametrize("method", METHODS)
def test_a_loaded_run_scores_bit_for_bit_the_same(cells: Cells, method: str, tmp_path: Path) -> None:
    run = cells("domain=shift", method=method)
    done = evaluate(run, tmp_path / "again")
    assert done.code == 0, done.err
    assert (tmp_path / "again" / "scores.csv").read_bytes() == (run / "scores.csv").read_bytes()
    again = result_of(tmp_path / "again")
    assert again["metrics"] == result_of(run)["metrics"]
    assert again["provenance"]["weights_sha256"] == result_of(run)["provenance"]["weights_sha256"]
    assert again["config"]["run"] == str(run)
    assert not (tmp_path / "again" / "model.ckpt").exists()


def test_the_same_seed_gives_the_same_figures_in_another_process(
    cells: Cells, tiny: Path, tmp_path: Path, program: Program
) -> None:
    run = cells("domain=shift")
    other = (*overrides_of(tiny), "domain=shift", f"hydra.run.dir={tmp_path / 'other'}")
    done = program("train.py", *other, OMP_NUM_THREADS="1")  # as ``invoke`` does
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "other" / "scores.csv").read_bytes() == (run / "scores.csv").read_bytes()
    assert result_of(tmp_path / "other")["metrics"] == result_of(run)["metrics"]
    assert str(tmp_path / "other") in done.stdout  # the end says where the run lies
    assert "image AUROC" in done.stdout


def test_another_seed_gives_another_bank(cells: Cells) -> None:
    assert score_columns(cells("domain=shift")) != score_columns(cells("domain=shift", "seed=1"))


@pytest.mark.parametrize("change", ["data.num_workers=2", "data.num_workers=1"])
def test_the_number_of_workers_changes_nothing(cells: Cells, change: str) -> None:
    one, other = cells("domain=shift"), cells("domain=shift", change)
    assert (one / "scores.csv").read_bytes() == (other / "scores.csv").read_bytes()
    assert result_of(one)["metrics"] == result_of(other)["metrics"]


def test_without_bootstrap_the_intervals_alone_are_gone(cells: Cells) -> None:
    with_, without = (result_of(cells("domain=shift", *extra)) for extra in ((), ("metrics.bootstrap=0",)))
    for part in ("macro",):
        kept = {k: v for k, v in with_["metrics"][part].items() if not k.endswith("_ci")}
        assert without["metrics"][part] == kept
    assert any(k.endswith("_ci") for k in with_["metrics"]["macro"])


@pytest.mark.parametrize("method", METHODS)
def test_the_regimes_take_their_roles_from_their_domains(cells: Cells, method: str) -> None:
    none, threshold, full = (
        cells("domain=shift", f"adaptation={r}", method=method) for r in ("none", "threshold", "full")
    )

    def scores(folder: Path, role: str) -> list[str]:
        return [row["score"] for row in rows_of(folder) if row["role"] == role]

    assert scores(none, "test") == scores(threshold, "test") != scores(full, "test")
    assert scores(none, "calibration") != scores(threshold, "calibration")
    assert macro(result_of(none), RANK) == macro(result_of(threshold), RANK)
    assert result_of(none)["threshold"] != result_of(threshold)["threshold"]
    domains = [json.loads((f / "calibration.json").read_text())["domain"]["name"] for f in (none, threshold, full)]
    assert domains == ["clean", "shift", "shift"]


def test_evaluate_adapts_the_threshold_as_train_does(cells: Cells, tmp_path: Path) -> None:
    clean = cells("domain=clean")
    done = evaluate(clean, tmp_path / "e", "domain=shift", "adaptation=threshold")
    assert done.code == 0, done.err
    direct = cells("domain=shift", "adaptation=threshold")
    assert (tmp_path / "e" / "scores.csv").read_bytes() == (direct / "scores.csv").read_bytes()
    assert result_of(tmp_path / "e")["metrics"] == result_of(direct)["metrics"]


def test_severity_zero_is_the_clean_domain(cells: Cells, tmp_path: Path) -> None:
    done = evaluate(cells("domain=clean"), tmp_path / "e", "domain=shift", "domain.severity=0")
    assert done.code == 0, done.err
    assert (tmp_path / "e" / "scores.csv").read_bytes() == (cells("domain=clean") / "scores.csv").read_bytes()


def test_a_fully_adapted_run_is_evaluated_from_where_it_was_born(cells: Cells, tmp_path: Path) -> None:
    born_shifted = cells("domain=shift", "adaptation=full")
    done = evaluate(born_shifted, tmp_path / "e", "domain=clean", "adaptation=none")
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "e" / "calibration.json").read_text())["domain"]["name"] == "shift"


@pytest.mark.parametrize("kind", ["quantile", "sigma", "conformal", "evt"])
def test_another_threshold_leaves_the_rank_figures(cells: Cells, tmp_path: Path, kind: str) -> None:
    run = cells("domain=shift")
    extra = {"conformal": ["threshold.alpha=0.3"], "quantile": ["threshold.alpha=0.3"]}.get(kind, [])
    done = evaluate(run, tmp_path / "e", f"threshold={kind}", *extra)
    if kind == "evt":  # 4 calibration normals are too few for a tail, and it says so
        assert done.code in (0, 2), done.err
        if done.code == 2:
            assert "adshift: " in done.err
            return
    assert done.code == 0, done.err
    result = result_of(tmp_path / "e")
    assert macro(result, RANK) == macro(result_of(run), RANK)
    assert result["threshold"]["plate"]["kind"] == kind
    assert result["threshold"]["plate"]["n"] == 4
    assert result["threshold"]["plate"]["value"] != result_of(run)["threshold"]["plate"]["value"]


def test_evaluate_refuses_a_new_fit_and_says_why(cells: Cells, tmp_path: Path) -> None:
    done = evaluate(cells("domain=shift"), tmp_path / "e", "adaptation=full")
    assert done.code == 2
    assert (
        "adaptation=full needs a new fit, and evaluate.py never fits; use train.py domain=shift adaptation=full"
        in done.err
    )
    assert not (tmp_path / "e" / "result.json").exists()


def test_an_evaluation_cannot_be_evaluated(cells: Cells, tmp_path: Path) -> None:
    run = cells("domain=shift")
    assert evaluate(run, tmp_path / "e").code == 0
    done = evaluate(tmp_path / "e", tmp_path / "f")
    assert done.code == 2
    assert f"is itself an evaluation, without a model; give the run it evaluates: {run}" in done.err


def test_another_split_leaves_out_what_the_model_was_fitted_on(cells: Cells, tiny: Path, tmp_path: Path) -> None:
    run = cells("domain=shift")
    index = index_category(tiny, "plate")
    known = set(StudySplit()(index).train)
    shared = {seed: len(known & set(StudySplit(seed)(index).calibration)) for seed in range(100)}
    seed = next(seed for seed, count in shared.items() if count == 2)
    done = evaluate(run, tmp_path / "e", "split=study", f"split.seed={seed}")
    assert done.code == 0, done.err
    result = result_of(tmp_path / "e")
    (told,) = (w for w in result["warnings"] if "pictures that the model was fitted on" in w)
    left_out, of = int(told.split()[0]), int(told.split()[2])
    counts = result["counts"]["plate"]
    assert left_out == 2
    assert counts["calibration_normal"] + counts["calibration_anomalous"] == of - left_out
    assert counts["train"] == result_of(run)["counts"]["plate"]["train"]
    seed = next(seed for seed, count in shared.items() if count == 4)
    refused = evaluate(run, tmp_path / "f", "split=standard", "threshold=sigma", f"split.seed={seed}")
    assert refused.code == 2
    assert "calibration images are pictures that the model was fitted on; keep the run's own split" in refused.err
    assert not (tmp_path / "f" / "result.json").exists()
    harmless = evaluate(run, tmp_path / "g", "split=standard", "threshold=sigma")
    assert harmless.code == 0, harmless.err
    assert result_of(tmp_path / "g")["counts"]["plate"]["test_anomalous"] == 8


def test_evaluate_needs_neither_the_old_images_place_nor_the_weights_file(tiny: Path, tmp_path: Path) -> None:
    weights = tmp_path / "w.pth"
    torch.manual_seed(11)
    torch.save(torchvision_resnet18(weights=None).state_dict(), weights)
    shutil.copytree(tiny / "plate", tmp_path / "here" / "plate")
    run_cell(tmp_path / "run", *overrides_of(tmp_path / "here"), f"backbone.weights={weights}")
    weights.unlink()
    (tmp_path / "here").rename(tmp_path / "there")
    gone = evaluate(tmp_path / "run", tmp_path / "e")
    assert gone.code == 2
    assert f"its images are no longer in {tmp_path / 'here'}, which has no folder plate; say where" in gone.err
    done = evaluate(tmp_path / "run", tmp_path / "f", f"data_root={tmp_path / 'there'}")
    assert done.code == 0, done.err
    assert (tmp_path / "f" / "scores.csv").read_bytes() == (tmp_path / "run" / "scores.csv").read_bytes()


def test_the_official_split_decides_nothing(cells: Cells) -> None:
    folder = cells("split=official")
    result = result_of(folder)
    assert all(value is None for value in macro(result, DECISION).values())
    assert all(isinstance(value, float) for value in macro(result, RANK).values())
    assert result["threshold"] == {}
    assert result["counts"]["plate"]["train"] == 20
    assert any("threshold" in warning for warning in result["warnings"])
    assert {row["decision"] + row["threshold"] for row in rows_of(folder)} == {""}
    assert {row["role"] for row in rows_of(folder)} == {"test"}


def test_crossfit_decides_on_the_official_split(cells: Cells) -> None:
    folder = cells("split=official", "crossfit=3", "threshold=quantile", "threshold.alpha=0.2")
    result, plain = result_of(folder), result_of(cells("split=official"))
    assert all(value is not None for name, value in macro(result, DECISION).items() if name != "precision")
    assert result["threshold"]["plate"]["n"] == 20
    assert macro(result, RANK) == macro(plain, RANK)
    assert score_columns(folder) == score_columns(cells("split=official"))
    assert {row["decision"] for row in rows_of(folder)} <= {"0", "1"}


def test_evaluate_keeps_the_cross_fitted_threshold_and_fits_no_other(cells: Cells, tmp_path: Path) -> None:
    run = cells("split=official", "crossfit=3", "threshold=quantile", "threshold.alpha=0.2")
    again = run_cell(tmp_path / "again", f"run={run}", "domain=shift", script="evaluate.py")
    assert again["threshold"] == result_of(run)["threshold"]
    assert macro(again, DECISION)["recall"] is not None
    refused = invoke("evaluate.py", f"run={run}", "threshold=sigma", f"hydra.run.dir={tmp_path / 'other'}")
    assert refused.code == 2
    assert "evaluate.py never fits" in refused.err


def test_crossfit_is_refused_where_a_calibration_role_exists(tiny: Path, tmp_path: Path) -> None:
    refused = invoke("train.py", *overrides_of(tiny), "crossfit=3", f"hydra.run.dir={tmp_path}")
    assert refused.code == 2
    assert "crossfit=3 is for a split without calibration images" in refused.err


def test_a_sweep_gives_each_ratio_its_folder_and_bank(tiny: Path, tmp_path: Path) -> None:
    shared = [o for o in overrides_of(tiny) if not o.startswith("coreset_ratio")]
    done = invoke("train.py", "-m", *shared, "coreset_ratio=0.1,0.5", f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert done.code == 0, done.err
    results = sorted((tmp_path / "sweep").rglob("result.json"))
    assert len(results) == 2
    banks = {
        found["config"]["coreset_ratio"]: found["memory"]["bank_vectors"]
        for found in (json.loads(path.read_text()) for path in results)
    }
    assert banks == {0.1: 25, 0.5: 128}


def test_a_failing_job_does_not_stop_a_sweep_but_shows_in_the_status(tiny: Path, tmp_path: Path) -> None:
    shared = [o for o in overrides_of(tiny) if not o.startswith("coreset_ratio")]
    done = invoke("train.py", "-m", *shared, "coreset_ratio=0,0.5,2", f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert done.code == 1
    assert done.err.count("adshift: coreset_ratio=0") == done.err.count("adshift: coreset_ratio=2") == 1
    assert "Traceback" not in done.err
    assert [p.parent.name for p in (tmp_path / "sweep").rglob("result.json")] == ["1"]


def unified(tiny: Path, scope: str) -> list[str]:
    return [
        *(o for o in overrides_of(tiny) if not o.startswith(("data=", "data.category="))),
        "data=unified", "data.source=folder", "data.categories=[plate,strip]", f"threshold.scope={scope}", "data.name=both",
    ]  # fmt: skip


def test_one_model_over_two_categories_with_thresholds_of_either_scope(tiny: Path, tmp_path: Path) -> None:
    each = run_cell(tmp_path / "each", *unified(tiny, "category"))
    one = run_cell(tmp_path / "one", *unified(tiny, "global"))
    assert set(each["threshold"]) == {"plate", "strip"}
    assert set(one["threshold"]) == {"global"}
    assert one["threshold"]["global"]["n"] == sum(each["threshold"][c]["n"] for c in ("plate", "strip"))
    for result in (each, one):
        assert list(result["metrics"]["categories"]) == ["plate", "strip"]
        assert [result["counts"][c]["train"] for c in ("plate", "strip")] == [16, 16]
        for name in RANK:
            mean = np.mean([result["metrics"]["categories"][c][name] for c in ("plate", "strip")])
            assert result["metrics"]["macro"][name] == pytest.approx(mean)
    assert macro(each, RANK) == macro(one, RANK)
    thresholds = {row["threshold"] for row in rows_of(tmp_path / "one")}
    assert len(thresholds) == 1
    assert len({row["threshold"] for row in rows_of(tmp_path / "each")}) == 2
    assert each["memory"]["bank_vectors"] == int(0.1 * 32 * 16)


def test_original_resolution_measures_at_the_masks_own_size(cells: Cells) -> None:
    small = cells("domain=shift", "save_maps=true")
    large = cells("domain=shift", "save_maps=true", "metrics.resolution=original")
    assert {np.load(large / "maps.npz")[name].shape for name in np.load(large / "maps.npz").files} == {(64, 64)}
    assert score_columns(small) == score_columns(large)
    one, other = result_of(small), result_of(large)
    assert macro(one, ("image_auroc", "image_ap")) == macro(other, ("image_auroc", "image_ap"))
    assert one["metrics"]["macro"]["pixel_auroc"] != other["metrics"]["macro"]["pixel_auroc"]
    assert one["metrics"]["macro"]["pixel_auroc"] == pytest.approx(other["metrics"]["macro"]["pixel_auroc"], abs=0.05)


def test_latency_is_timed_only_when_asked(cells: Cells) -> None:
    assert result_of(cells("domain=shift"))["timing"]["ms_per_image"] is None
    timed = result_of(cells("domain=shift", "metrics.latency=true"))["timing"]["ms_per_image"]
    assert set(timed) == {"1", "32"}
    assert all(value > 0 for value in timed.values())


def test_images_without_masks_are_left_out_of_the_pixel_figures_with_a_warning(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny / "plate", tmp_path / "root" / "plate")
    shutil.rmtree(tmp_path / "root" / "plate" / "ground_truth")
    result = run_cell(tmp_path / "run", *overrides_of(tmp_path / "root"), "threshold=sigma")
    assert result["metrics"]["macro"]["pixel_auroc"] is None
    assert result["metrics"]["macro"]["pro_030"] is None
    assert isinstance(result["metrics"]["macro"]["image_auroc"], float)
    assert any("mask" in warning for warning in result["warnings"])


def test_a_test_set_without_anomalies_has_undefined_figures_not_nan(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny / "plate", tmp_path / "root" / "plate")
    for kind in ("blot", "dent"):
        shutil.rmtree(tmp_path / "root" / "plate" / "test" / kind)
    result = run_cell(tmp_path / "run", *overrides_of(tmp_path / "root"), "threshold=sigma")
    figures = result["metrics"]["macro"]
    assert all(figures[name] is None for name in (*RANK, "recall", "image_f1"))
    assert 0 <= figures["specificity"] <= 1
    assert any("anomalous" in warning for warning in result["warnings"])


def test_a_folder_holds_the_last_run_alone(tiny: Path, tmp_path: Path) -> None:
    """What the run before left that this one does not make is gone: maps, pictures, the model of before a repair."""
    first, out = [*overrides_of(tiny), "split=study"], tmp_path / "out"
    run_cell(out, *first, "domain=shift", "adaptation=few", "few.k=2", "threshold=sigma", "save_maps=true")
    assert {"base.ckpt", "maps.npz"} <= {path.name for path in out.iterdir()}
    assert list((out / "pictures").glob("*.png"))
    (out / "pictures" / "mine.png").write_bytes(b"mine")
    result = run_cell(out, *first)
    assert result["provenance"]["base_sha256"] is None
    assert not {"base.ckpt", "maps.npz"} & {path.name for path in out.iterdir()}
    assert [path.name for path in (out / "pictures").iterdir()] == ["mine.png"]
    shifted = [f"run={out}", "domain=shift", "adaptation=none"]
    run_cell(tmp_path / "shifted", *shifted, "save_maps=true", script="evaluate.py")
    run_cell(tmp_path / "shifted", *shifted, script="evaluate.py")
    assert not (tmp_path / "shifted" / "maps.npz").exists()


def test_an_evaluation_does_not_replace_a_fit(tiny: Path, tmp_path: Path) -> None:
    """Not even another than the one that it reads."""
    for name, seed in (("one", 0), ("other", 1)):
        run_cell(tmp_path / name, *overrides_of(tiny), f"seed={seed}")
    before = {path.name: path.read_bytes() for path in (tmp_path / "other").iterdir() if path.is_file()}
    done = invoke("evaluate.py", f"run={tmp_path / 'one'}", "domain=shift", "adaptation=none",
                  f"hydra.run.dir={tmp_path / 'other'}")  # fmt: skip
    assert done.code == 2
    assert f"the output folder {tmp_path / 'other'} holds a run of train.py" in done.err
    assert {name: (tmp_path / "other" / name).read_bytes() for name in before if name != "evaluate.log"} == before
