"""Images of 4:1, which the model sees as squares: told, and shown as they are."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import Finished, invoke, run_cell
from PIL import Image

import adshift
from adshift.prediction.pictures import in_own_aspect, read_map

WIDTH, HEIGHT = 320, 80
DEFECT = (240, 20, 24, 20)
"""x, y, width, height."""


def strip(seed: int, defect: bool = False) -> Image.Image:
    pixels = np.random.default_rng(seed).normal(120, 6, (HEIGHT, WIDTH, 3))
    if defect:
        left, top, width, height = DEFECT
        pixels[top : top + height, left : left + width] = (240, 230, 40)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``strips`` of 4:1, a run on them, and ``new`` ones, the last of them with a defect."""
    base = tmp_path_factory.mktemp("wide")
    for folder in ("strips", "new"):
        (base / folder).mkdir()
    for i in range(16):
        strip(i).save(base / "strips" / f"{i:03}.png")
    for i in range(3):
        strip(100 + i, defect=i == 2).save(base / "new" / f"{i:03}.png")
    chosen = [o for o in tiny_overrides(base) if not o.startswith(("data.category", "coreset"))]
    run_cell(base / "run", *chosen, "data.category=strips", "split=standard", "threshold=sigma", "coreset_ratio=1")
    return base


@pytest.fixture(scope="module")
def predicted(wide: Path) -> Finished:
    done = invoke("predict.py", f"run={wide / 'run'}", f"source={wide / 'new'}", f"hydra.run.dir={wide / 'said'}")
    assert done.code == 0, done.err
    return done


def test_a_fit_warns_of_them(wide: Path) -> None:
    told = json.loads((wide / "run" / "result.json").read_text())["warnings"]
    (line,) = [line for line in told if "2:1" in line]
    assert "strips has 16 of 2:1 or longer (320 x 80): as squares" in line
    assert "4.0 times as coarse" in line
    assert "cut such images into square tiles" in line


def test_long_images_are_told_once_and_counted(wide: Path, predicted: Finished) -> None:
    assert json.loads((wide / "said" / "summary.json").read_text())["squashed"] == 3
    (line,) = [line for line in predicted.err.splitlines() if "2:1" in line]
    assert f"source={wide / 'new'} has 3 of 2:1 or longer (320 x 80)" in line


def test_a_map_has_its_pictures_own_aspect(wide: Path, predicted: Finished) -> None:
    """Four columns of it lie where the model's square has one, as far as 16 bits reach."""
    with (wide / "said" / "predictions.csv").open(newline="") as handle:
        last = list(csv.DictReader(handle))[-1]
    found = read_map(wide / "said" / last["map"])
    assert found.shape == (64, 256)
    (squashed,) = adshift.load(wide / "run", device="cpu").predict(last["path"])
    largest = 65535 * json.loads((wide / "said" / "summary.json").read_text())["map_unit"]
    expected = np.minimum(squashed.anomaly_map, largest)
    np.testing.assert_allclose(found.reshape(64, 64, 4).mean(axis=2), expected, atol=0.05 * float(np.ptp(expected)))
    with Image.open(wide / "said" / last["overlay"]) as overlay:
        assert overlay.height == 80


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((50, 50), (64, 64)),
        ((100, 150), (64, 96)),
        ((150, 100), (96, 64)),
        ((1000, 10), (256, 3)),
        ((1, 1000), (1, 256)),
    ],
)
def test_the_shorter_side_keeps_the_models_until_the_longer_is_four_of_them(
    shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    ramp = np.repeat(np.linspace(0, 1, 64, dtype=np.float32)[:, None], 64, axis=1)
    found = in_own_aspect(ramp, shape)
    assert found.shape == expected
    assert found.dtype == np.float32
    if shape != (1, 1000):
        assert np.all(np.diff(found[:, 0]) >= 0)
        assert (found.min(), found.max()) == pytest.approx((0, 1), abs=0.02)
