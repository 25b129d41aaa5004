"""What several tests share: where the real data lies, a small data set, and a way to run the two programs."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for a busy core cost more than they bring
os.environ["ADSHIFT_STORE"] = tempfile.mkdtemp(prefix="adshift-test-store-")  # nothing of earlier runs is there

import numpy as np
import pytest
from fileserver import FileServer
from PIL import Image

atexit.register(shutil.rmtree, os.environ["ADSHIFT_STORE"], ignore_errors=True)
REPO = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("ADSHIFT_SHARED", REPO.parent / "shared"))

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real images and weights; tests that need it skip without it."""
    if not (SHARED / "data" / "mvtec" / "screw").is_dir():
        pytest.skip(f"no real images in {SHARED}; set ADSHIFT_SHARED to the folder that holds data/ and weights/")
    return SHARED


@pytest.fixture(scope="session")
def resnet18(shared: Path) -> str:
    """torchvision's ImageNet ResNet-18, up to layer3."""
    return str(shared / "weights" / "resnet18_imagenet.safetensors")


def draw(path: Path, seed: int, *, size: int = 64, defect: bool = False) -> None:
    """A smooth noisy image; with ``defect`` a bright square at (20..30, 20..30)."""
    generator = np.random.default_rng(seed)
    ramp = np.linspace(60, 160, size)[None, :, None] + np.zeros((size, size, 3))
    pixels = ramp + generator.normal(0, 4, (size, size, 3))
    if defect:
        pixels[20:30, 20:30] = 250
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)


def draw_category(root: Path, category: str, train: int = 20, good: int = 6, defective: int = 8, seed: int = 0) -> None:
    """A category in MVTec layout: two defect types with exact masks."""
    base = root / category
    for i in range(train):
        draw(base / "train" / "good" / f"{i:03}.png", seed * 1000 + i)
    for i in range(good):
        draw(base / "test" / "good" / f"{i:03}.png", seed * 1000 + max(100, train) + i)
    mask = np.zeros((64, 64), np.uint8)
    mask[20:30, 20:30] = 255
    for kind in ("blot", "dent"):
        for i in range(defective // 2):
            draw(base / "test" / kind / f"{i:03}.png", seed * 1000 + 200 + i, defect=True)
            (base / "ground_truth" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(base / "ground_truth" / kind / f"{i:03}_mask.png")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with two small categories, ``plate`` and ``strip``; read only."""
    root = tmp_path_factory.mktemp("tiny")
    draw_category(root, "plate", seed=1)
    draw_category(root, "strip", seed=2)
    return root


def tiny_overrides(root: Path, category: str = "plate") -> list[str]:
    """Overrides of a run on ``tiny`` that takes a second or two."""
    return [
        "data=folder", f"data.root={root}", f"data.category={category}", "backbone=resnet18", "backbone.weights=random",
        "image_size=64", "data.num_workers=0", "metrics.bootstrap=50", "metrics.latency=false", "coreset_ratio=0.1",
    ]  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A server without files, asked without a proxy."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    running = FileServer()
    yield running
    running.close()


@pytest.fixture(scope="session")
def program() -> Program:
    """Run ``train.py`` or ``evaluate.py`` (or ``-m MODULE``) in a process of its own."""

    def run(*arguments: str, timeout: float = 300, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(REPO), **variables}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=REPO,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run
