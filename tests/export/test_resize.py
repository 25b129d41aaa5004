"""The resize inside an exported file is Pillow's, grey level for grey level, in every runtime; a sample checks the file."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.images import tiny_overrides
from helpers.inprocess import invoke, run_cell
from helpers.shifted_pictures import noise
from PIL import Image
from torch import Tensor, nn

import adshift
from adshift.export.formats import write
from adshift.export.graph import PictureGraph
from adshift.export.resize import PillowResize, largest_side
from adshift.shift.pixels import resize_image

pytest.importorskip("onnxruntime", reason="needs the export extra")
pytest.importorskip("openvino", reason="needs the export extra")

FILES = {"onnx": "model.onnx", "openvino": "model.xml", "torch": "model.pt2"}
SIZES = [
    (512, 512, 224),  # a seventh of 1/73: many sums lie on a half
    (1050, 2250, 96), (448, 224, 224), (224, 448, 112), (100, 37, 64), (1, 5, 32), (96, 96, 96), (31, 700, 33),
    (700, 31, 33), (1000, 65, 64),
]  # fmt: skip


def pillows(picture: np.ndarray, size: int) -> np.ndarray:
    """Pillow's, along rows first, as all of its versions but 13 do; 13 begins with the columns where a picture is tall."""
    across = Image.fromarray(picture).resize((size, len(picture)), Image.Resampling.BILINEAR)
    return np.asarray(across.resize((size, size), Image.Resampling.BILINEAR))


@pytest.mark.parametrize(("height", "width", "size"), SIZES)
def test_every_grey_level_is_pillows(height: int, width: int, size: int) -> None:
    picture = noise(height, width)
    found = PillowResize(size)(torch.from_numpy(picture)[None])[0]
    assert np.array_equal(found.numpy().transpose(1, 2, 0), pillows(picture, size))
    assert np.array_equal(resize_image(picture, size), pillows(picture, size))


def test_white_in_the_largest_picture_that_is_promised_stays_white() -> None:
    """Where sums are largest: were one of them not exact, a grey level would be missing."""
    side = largest_side(8)
    picture = np.full((2, side, 3), 255, np.uint8)
    picture[:, ::2] = 254
    found = PillowResize(8)(torch.from_numpy(picture)[None])[0]
    assert np.array_equal(found.numpy().transpose(1, 2, 0), pillows(picture, 8))


class Shows(nn.Module):
    """A detector whose map is what it was given."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return image.amax(dim=(1, 2, 3)), image


def opened(path: Path) -> Callable[[np.ndarray], Any]:
    """An exported file in its own runtime, without a line of this project."""
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return lambda image: session.run(["score", "map"], {"image": image})
    if path.suffix == ".xml":
        import openvino

        compiled = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return lambda image: (lambda found: (found["score"], found["map"]))(compiled({"image": image}))
    module = torch.export.load(path).module()
    return lambda image: [part.numpy() for part in module(torch.from_numpy(image))]


@pytest.mark.parametrize("kind", FILES)
def test_every_runtime_gives_pillows_grey_levels(kind: str, tmp_path: Path) -> None:
    write(kind, PictureGraph(Shows(), 96).eval(), 96, "{}", tmp_path / FILES[kind])  # type: ignore[arg-type]
    run = opened(tmp_path / FILES[kind])
    for height, width, count in ((1050, 2250, 1), (96, 96, 3), (130, 50, 2), (512, 384, 1)):
        pictures = np.stack([np.roll(noise(height, width), step, axis=1) for step in range(count)])
        found = run(pictures)[1]
        for picture, shown in zip(pictures, found, strict=True):
            assert np.array_equal(np.rint(255 * shown).transpose(1, 2, 0), pillows(picture, 96)), (height, width)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on large pictures with fine grain, as in the issue, only smaller; and new ones."""
    base = tmp_path_factory.mktemp("large")
    for role, count in (("photos", 12), ("new", 4)):
        (base / role).mkdir()
        for i in range(count):
            grain = np.random.default_rng(100 * len(role) + i).normal(120, 30, (150, 330, 1))
            picture = np.clip(grain + np.zeros(3), 0, 255).astype(np.uint8)
            picture[40:80, 60:120] += 40
            Image.fromarray(picture).save(base / role / f"{i:03}.png")
    Image.fromarray(np.full((64, 50, 3), 200, np.uint8)).save(base / "new" / "small.png")
    chosen = [o for o in tiny_overrides(base) if not o.startswith(("data.category", "data.root"))]
    run_cell(
        base / "run", *chosen, f"data.root={base}", "data.category=photos", "split=standard", "threshold=quantile",
        "threshold.alpha=0.1",
    )  # fmt: skip
    return base


@pytest.fixture(scope="module")
def predicted(run: Path) -> dict[str, float]:
    """What predict.py says of the new pictures."""
    done = invoke("predict.py", f"run={run / 'run'}", f"source={run / 'new'}", "pictures=none",
                  f"hydra.run.dir={run / 'said'}")  # fmt: skip
    assert done.code == 0, done.err
    with (run / "said" / "predictions.csv").open(newline="") as handle:
        return {row["path"]: float(row["score"]) for row in csv.DictReader(handle)}


@pytest.fixture(scope="module")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """``exported(format, resize)``: the folder that export.py left, made once a module."""
    base = tmp_path_factory.mktemp("exported")

    def folder(kind: str, resize: str) -> Path:
        made = base / f"{kind}-{resize}"
        if not made.exists():
            chosen = (f"format={kind}", f"resize={resize}", f"hydra.run.dir={made}")
            done = invoke("export.py", f"run={run / 'run'}", *chosen)
            assert done.code == 0, done.err
        return made

    return folder


@pytest.mark.parametrize("kind", FILES)
def test_pictures_of_any_size_score_as_in_predict(
    kind: str, exported: Callable[[str, str], Path], predicted: dict[str, float]
) -> None:
    folder = exported(kind, "in_graph")
    score = opened(folder / FILES[kind])
    for path, expected in predicted.items():
        with Image.open(path) as image:
            found = score(np.array(image.convert("RGB"))[None])
        assert found[0][0] == pytest.approx(expected, rel=1e-4, abs=1e-4)
        assert found[1].shape == (1, 64, 64)
    report = json.loads((folder / "export.json").read_text())
    assert report["largest_difference"] <= 1e-4
    takes = report["metadata"]["input"]
    assert (takes["type"], takes["shape"]) == ("uint8", ["batch", "height", "width", 3])


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, folder / "check.py"], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("kind", "resize"), [("onnx", "outside"), ("onnx", "in_graph"), ("openvino", "in_graph"), ("torch", "in_graph")]
)
def test_the_sample_has_predicts_score_and_its_lines_check_it(
    kind: str, resize: str, exported: Callable[[str, str], Path], run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "line"
    shutil.copytree(exported(kind, resize), folder)
    sample = json.loads((folder / "export.json").read_text())["sample"]
    (said,) = adshift.load(run / "run", device="cpu").predict(folder / sample["picture"])
    assert said.score == pytest.approx(sample["score"], rel=1e-5)
    assert "import adshift" not in (folder / "check.py").read_text()
    checked = check(folder)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    with Image.open(folder / sample["picture"]) as image:
        darker = image.point(lambda level: level // 2)
    darker.save(folder / sample["picture"])
    assert check(folder).returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize("resize", ["outside", "in_graph"])
def test_the_lines_of_cpp_check_it_too(resize: str, exported: Callable[[str, str], Path], tmp_path: Path) -> None:
    import openvino

    if shutil.which("g++") is None:
        pytest.skip("no g++ here: the C++ lines are not built")
    home = Path(openvino.__file__).parent
    (library,) = (home / "libs").glob("libopenvino.so.*")
    folder = exported("onnx", resize)
    built = subprocess.run(
        ["g++", "-std=c++17", folder / "check.cpp", f"-I{home / 'include'}", library, f"-Wl,-rpath,{home / 'libs'}",
         "-o", tmp_path / "check"], capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    checked = subprocess.run([tmp_path / "check"], cwd=folder, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "score" in checked.stdout


def test_another_place_for_the_resize_is_refused(run: Path, tmp_path: Path) -> None:
    done = invoke("export.py", f"run={run / 'run'}", "resize=inside", f"hydra.run.dir={tmp_path}")
    assert done.code == 2
    assert "resize=inside must be one of: outside, in_graph" in done.err
