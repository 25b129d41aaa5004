"""An exported file gives the run's own scores and maps, by its own runtime, from what its metadata say."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.images import tiny_overrides
from helpers.inprocess import Finished, invoke, run_cell
from PIL import Image
from scipy.spatial.distance import cdist

from adshift.errors import AdshiftError
from adshift.export import formats, job, packages
from adshift.export.graph import detector_graph
from adshift.export.metadata import metadata, to_text
from adshift.features.backbone import exported_form
from adshift.methods.traced import NearestDistances
from adshift.run.fitted import load_fitted

pytest.importorskip("onnxruntime", reason="needs the export extra")
pytest.importorskip("openvino", reason="needs the export extra")

TOLERANCE = 1e-4
LEFT = {".hydra", ".lock", "export.log"}
"""What every program leaves in its folder."""
FILES = {"onnx": "model.onnx", "openvino": "model.xml", "torch": "model.pt2"}
EVERY = [
    ("patchcore", "onnx"),
    ("padim", "onnx"),
    ("patchcore", "openvino"),
    pytest.param("patchcore", "torch", marks=pytest.mark.slow),
    pytest.param("padim", "openvino", marks=pytest.mark.slow),
    pytest.param("padim", "torch", marks=pytest.mark.slow),
]

Exported = Callable[[str, str], Path]


def export(run: Path, folder: Path, *overrides: str) -> Finished:
    return invoke("export.py", f"run={run}", *overrides, f"hydra.run.dir={folder}")


@pytest.fixture(scope="module")
def runs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A finished run of each method, with its maps."""
    base = tmp_path_factory.mktemp("runs")
    for method in ("patchcore", "padim"):
        chosen = [o for o in tiny_overrides(tiny) if method == "patchcore" or not o.startswith("coreset_ratio")]
        run_cell(base / method, *chosen, f"method={method}", "save_maps=true")
    return {method: base / method for method in ("patchcore", "padim")}


@pytest.fixture(scope="module")
def exported(runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """``exported(method, format)``: the folder that export.py left, made once a module."""
    base = tmp_path_factory.mktemp("exported")

    def folder(method: str, kind: str) -> Path:
        made = base / f"{method}-{kind}"
        if not made.exists():
            done = export(runs[method], made, f"format={kind}")
            assert done.code == 0, done.err
        return made

    return folder


def by_runtime(path: Path) -> tuple[Callable[[np.ndarray], Any], dict[str, Any]]:
    """The file opened as its users will, without a line of this project; and its metadata."""
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        held = session.get_modelmeta().custom_metadata_map["adshift"]
        return lambda image: session.run(["score", "map"], {"image": image}), json.loads(held)
    if path.suffix == ".xml":
        import openvino

        model = openvino.Core().read_model(path)
        compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

        def run(image: np.ndarray) -> Any:
            found = compiled({"image": image})
            return found["score"], found["map"]

        return run, json.loads(model.get_rt_info("adshift").astype(str))
    extra = {"adshift": ""}
    module = torch.export.load(path, extra_files=extra).module()
    return lambda image: [x.numpy() for x in module(torch.from_numpy(image))], json.loads(extra["adshift"])


def prepared(path: Path, held: dict[str, Any]) -> np.ndarray:
    """An image as the metadata ask for it."""
    size = held["input"]["shape"][2]
    with Image.open(path) as image:
        small = image.convert(held["input"]["colour"]).resize((size, size), Image.Resampling.BILINEAR)
    return (np.asarray(small, np.float32) / 255).transpose(2, 0, 1)


@pytest.mark.parametrize(("method", "kind"), EVERY)
def test_scores_and_maps_are_the_runs_own(
    exported: Exported, runs: dict[str, Path], tiny: Path, method: str, kind: str
) -> None:
    run, held = by_runtime(exported(method, kind) / FILES[kind])
    with (runs[method] / "scores.csv").open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["role"] == "test"]
    with np.load(runs[method] / "maps.npz") as stored:
        maps = [stored[row["path"]] for row in rows]
    images = np.stack([prepared(tiny / row["path"], held) for row in rows])
    for batch in (1, 5, len(rows)):
        score, anomaly_map = run(images[:batch])
        assert score.shape == (batch,)
        assert score.dtype == anomaly_map.dtype == np.float32
        np.testing.assert_allclose(score, [float(r["score"]) for r in rows[:batch]], atol=TOLERANCE, rtol=TOLERANCE)
        np.testing.assert_allclose(anomaly_map, maps[:batch], atol=TOLERANCE, rtol=TOLERANCE)
    assert len({round(float(row["score"]), 3) for row in rows}) > 5  # scores that all agree would prove little


@pytest.mark.parametrize(("method", "kind"), EVERY)
def test_metadata_hold_the_decision_rule(exported: Exported, runs: dict[str, Path], method: str, kind: str) -> None:
    folder = exported(method, kind)
    _, held = by_runtime(folder / FILES[kind])
    result = json.loads((runs[method] / "result.json").read_text())
    assert held["threshold"] == result["threshold"]["plate"]["value"]
    assert held["pixel_threshold"] == result["pixel_threshold"]["plate"]["value"]
    assert held["thresholds"]["plate"] == {
        "image": held["threshold"],
        "pixel": held["pixel_threshold"],
    }
    assert held["method"] == method
    assert held["input"]["shape"] == ["batch", 3, 64, 64]
    assert held["weights_sha256"] == result["provenance"]["weights_sha256"]
    assert json.loads((folder / "export.json").read_text())["metadata"] == held


def test_a_threshold_given_by_hand_stands_in_the_metadata(
    exported: Exported, runs: dict[str, Path], tmp_path: Path
) -> None:
    _, own = by_runtime(exported("patchcore", "onnx") / FILES["onnx"])
    assert own["threshold_kind"] == "f1"
    done = export(runs["patchcore"], tmp_path, "threshold=0.6")
    assert done.code == 0, done.err
    _, held = by_runtime(tmp_path / FILES["onnx"])
    assert (held["threshold"], held["threshold_kind"]) == (0.6, "manual")
    same = ("pixel_threshold", "thresholds", "categories")
    assert [held[key] for key in same] == [own[key] for key in same]
    refused = export(runs["patchcore"], tmp_path / "x", "threshold=f1")
    assert refused.code == 2
    assert "threshold=f1 must be a finite number" in refused.err


@pytest.mark.parametrize(("method", "kind"), EVERY)
def test_report_holds_parity_and_latency(exported: Exported, method: str, kind: str) -> None:
    folder = exported(method, kind)
    report = json.loads((folder / "export.json").read_text())
    assert 0 <= report["largest_difference"] <= TOLERANCE
    assert report["runtime"].split()[0] == {"onnx": "onnxruntime"}.get(kind, kind)
    for who in ("native", "exported"):
        assert list(report["ms_per_image"][who]) == ["1", "8"]
        assert all(ms > 0 for ms in report["ms_per_image"][who].values())
    assert report["files"] == [FILES[kind], *(["model.bin"] if kind == "openvino" else [])]
    assert report["bytes"] == sum((folder / name).stat().st_size for name in report["files"])
    left = {path.name for path in folder.iterdir()} - LEFT
    assert left == {*report["files"], "export.json", report["sample"]["picture"], *report["sample"]["checks"]}


@pytest.mark.parametrize("kind", FILES)
def test_no_file_tells_where_it_was_made(exported: Exported, kind: str) -> None:
    path = exported("patchcore", kind) / FILES[kind]
    parts = [path.read_bytes()]
    if kind == "torch":
        with zipfile.ZipFile(path) as archive:
            parts = [archive.read(name) for name in archive.namelist()]
    here = str(Path(job.__file__).parents[2]).encode()
    assert not any(here in part or b"site-packages" in part for part in parts)


def test_a_run_over_several_categories_gives_all_thresholds(tiny: Path, tmp_path: Path) -> None:
    chosen = [o for o in tiny_overrides(tiny) if not o.startswith(("data", "image_size"))]
    several = ["data=unified", f"data.root={tiny}", "data.source=folder", "data.categories=[plate,strip]"]
    result = run_cell(tmp_path / "run", *chosen, *several, "image_size=32", "data.num_workers=0")
    values = {name: result["threshold"][name]["value"] for name in ("plate", "strip")}
    fitted = load_fitted(tmp_path / "run")
    for category, first in ((None, None), ("strip", values["strip"])):
        held = json.loads(to_text(metadata(fitted, category)))
        assert {name: pair["image"] for name, pair in held["thresholds"].items()} == values
        assert held["threshold"] == first
    done = export(tmp_path / "run", tmp_path / "none", "format=torch", "category=bolt")
    assert done.code == 2
    assert "none of the run's (plate, strip)" in done.err


def test_a_run_without_masks_has_no_pixel_threshold(tiny: Path, tmp_path: Path) -> None:
    """f1 needs a mask for it; the image's threshold is there all the same."""
    for part in ("train", "test"):
        shutil.copytree(tiny / "plate" / part, tmp_path / "bare" / part)
    chosen = [o for o in tiny_overrides(tiny) if not o.startswith("data.")]
    bare = [f"data.root={tmp_path}", "data.category=bare", "threshold=f1", "split=study", "data.num_workers=0"]
    result = run_cell(tmp_path / "run", *chosen, *bare)
    done = export(tmp_path / "run", tmp_path / "out", "format=torch")
    assert done.code == 0, done.err
    held = json.loads((tmp_path / "out" / "export.json").read_text())["metadata"]
    value = result["threshold"]["bare"]["value"]
    assert (held["threshold"], held["pixel_threshold"]) == (value, None)
    assert held["thresholds"] == {"bare": {"image": value, "pixel": None}}


@pytest.mark.parametrize(("vectors", "k"), [(300, 9), (300, 1), (5, 9), (1, 9)])
def test_distances_are_those_of_an_exact_search(vectors: int, k: int) -> None:
    """Clusters far from the origin, whose members lie closer together than float32 products can tell."""
    generator = np.random.default_rng(vectors + k)
    centres = generator.normal(0, 1, (20, 48)) + 30
    bank = (centres[generator.integers(0, 20, vectors)] + generator.normal(0, 1e-2, (vectors, 48))).astype(np.float32)
    query = np.concatenate([bank[:10], (bank[:50] + generator.normal(0, 0.3, bank[:50].shape)).astype(np.float32)])
    true = np.sort(cdist(query.astype(np.float64), bank.astype(np.float64)), axis=1)[:, :k]
    found = NearestDistances(torch.from_numpy(bank), k)(torch.from_numpy(query))
    np.testing.assert_allclose(found.numpy(), true, atol=2e-5, rtol=1e-5)


def test_a_method_without_a_graph_is_named() -> None:
    class Plain(torch.nn.Module):
        exportable = None

    with pytest.raises(AdshiftError, match="method Plain has no exported form; PatchCore and PaDiM have"):
        detector_graph(Plain(), 64)
    with pytest.raises(AdshiftError, match=r"backbone Plain has no exported form; give it a method exportable\(\)"):
        exported_form(Plain())


def test_what_a_graph_would_score_otherwise_is_refused(runs: dict[str, Path]) -> None:
    method = load_fitted(runs["patchcore"]).method
    method.backend = "hnsw"
    with pytest.raises(AdshiftError, match=r"method\.search=hnsw may miss neighbours"):
        detector_graph(method, 64)
    method.backend = "auto"
    method.backbone.precision = "bfloat16"
    with pytest.raises(AdshiftError, match=r"backbone\.precision=bfloat16 has no exported form"):
        detector_graph(method, 64)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["format=tflite"], "format=tflite must be one of: onnx, openvino, torch"),
        (["run=nowhere"], "give the folder of a finished run"),
        (["category=bolt"], "category=bolt is none of the run's (plate)"),
        (["precision=int8"], "precision"),
    ],
)
def test_mistakes_are_told_in_one_line(runs: dict[str, Path], tmp_path: Path, overrides: list[str], says: str) -> None:
    done = export(runs["patchcore"], tmp_path, *overrides)
    assert done.code == 2
    assert says in done.err
    assert len([line for line in done.err.splitlines() if line.startswith("adshift")]) == 1


def test_a_missing_package_is_named(runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = packages.find_spec
    monkeypatch.setattr(packages, "find_spec", lambda name, *rest: None if name == "openvino" else real(name, *rest))
    done = export(runs["patchcore"], tmp_path, "format=openvino")
    assert done.code == 2
    assert "format=openvino needs openvino; pip install 'adshift[export]'" in done.err


def test_what_one_onnx_file_cannot_hold_is_refused(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "ONE_FILE_BYTES", 1_000_000)
    done = export(runs["patchcore"], tmp_path, "format=onnx")
    assert done.code == 2
    assert "one ONNX file holds" in done.err
    assert not list(tmp_path.glob("model*"))


@pytest.mark.parametrize("found", [1e-3, float("nan")])
def test_a_file_that_differs_is_not_left_behind(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: float
) -> None:
    monkeypatch.setattr(job, "difference", lambda *_: found)
    monkeypatch.setattr(job, "open_session", lambda *_: None)

    def write(kind: str, graph: Any, image_size: int, text: str, path: Path) -> list[Path]:
        path.write_text("a file")
        return [path]

    monkeypatch.setattr(job, "write", write)
    done = export(runs["patchcore"], tmp_path, "format=torch")
    assert done.code == 2
    assert "differs from the run" in done.err
    assert {path.name for path in tmp_path.iterdir()} <= LEFT


@pytest.mark.real
@pytest.mark.slow
def test_parity_on_real_images_and_weights(shared: Path, resnet18: str, tmp_path: Path) -> None:
    """Real features at full size, all three runtimes, on images of the run's test."""
    root = shared / "data" / "mvtec_reduced"
    run_cell(
        tmp_path / "run", "data=transistor", f"data.root={root}", "data.source=folder", "backbone=resnet18",
        f"backbone.weights={resnet18}", "metrics.bootstrap=0", "metrics.latency=false", "split=standard",
        "threshold=conformal", "save_maps=true",
    )  # fmt: skip
    with (tmp_path / "run" / "scores.csv").open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["role"] == "test"][::9]
    with np.load(tmp_path / "run" / "maps.npz") as stored:
        maps = [stored[row["path"]] for row in rows]
    for kind, name in FILES.items():
        done = export(tmp_path / "run", tmp_path / kind, f"format={kind}")
        assert done.code == 0, done.err
        run, held = by_runtime(tmp_path / kind / name)
        score, anomaly_map = run(np.stack([prepared(root / row["path"], held) for row in rows]))
        np.testing.assert_allclose(score, [float(r["score"]) for r in rows], atol=TOLERANCE, rtol=TOLERANCE)
        np.testing.assert_allclose(anomaly_map, maps, atol=TOLERANCE, rtol=TOLERANCE)
