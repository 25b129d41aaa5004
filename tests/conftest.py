"""Fixtures that many tests share: the real data, a small data set, a server, and a way to run the programs."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for a busy core cost more than they bring
os.environ["ADSHIFT_STORE"] = tempfile.mkdtemp(prefix="adshift-test-store-")  # nothing of earlier runs is there

import pytest
from helpers.fileserver import FileServer
from helpers.images import draw_category
from helpers.repo import REPO, SHARED, Program

atexit.register(shutil.rmtree, os.environ["ADSHIFT_STORE"], ignore_errors=True)


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


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with two small categories, ``plate`` and ``strip``; read only."""
    root = tmp_path_factory.mktemp("tiny")
    draw_category(root, "plate", seed=1)
    draw_category(root, "strip", seed=2)
    return root


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
