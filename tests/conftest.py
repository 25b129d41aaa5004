"""Fixtures that many tests share: the real data, a small data set, a server, and a way to run the programs.

A run of the tests has one folder, made by the process that begins it: its workers share the store and the small data set.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for a busy core cost more than they bring

import pytest
from helpers.fileserver import FileServer
from helpers.images import draw_category
from helpers.repo import REPO, SHARED, Program


def begins(config: pytest.Config) -> bool:
    """Whether this process is the one that was started, not a worker of it."""
    return not hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's folder, without anything of earlier runs; workers inherit the variables."""
    if begins(config):
        os.environ["ADSHIFT_TESTS"] = tempfile.mkdtemp(prefix="adshift-tests-")
        os.environ["ADSHIFT_STORE"] = f"{os.environ['ADSHIFT_TESTS']}/store"


def pytest_unconfigure(config: pytest.Config) -> None:
    if begins(config):
        shutil.rmtree(os.environ["ADSHIFT_TESTS"], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no worker is left alone with a long one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


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
    root = Path(os.environ["ADSHIFT_TESTS"]) / "tiny"
    if not root.exists():
        drawn = tmp_path_factory.mktemp("tiny")
        draw_category(drawn, "plate", seed=1)
        draw_category(drawn, "strip", seed=2)
        with contextlib.suppress(OSError):  # another worker was first
            drawn.rename(root)
    return root


@pytest.fixture
def unproxied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers on this machine are asked without a proxy."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(unproxied: None) -> Iterator[FileServer]:
    """A server without files."""
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
