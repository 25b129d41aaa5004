"""Nothing heavy is imported before it is needed, and nothing that not every system has: each in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers.repo import REPO

LIBRARIES = (
    "albumentations", "anomalib", "cv2", "faiss", "jinja2", "matplotlib", "pytorch_lightning", "scipy", "skimage",
    "sklearn", "timm", "torch", "torchmetrics", "torchvision",
)  # fmt: skip
BY_LIGHTNING = {"matplotlib", "pytorch_lightning", "scipy", "torch", "torchmetrics", "torchvision"}
"""What importing pytorch_lightning itself brings."""


def imported(code: str) -> set[str]:
    """Which of ``LIBRARIES`` a program has imported when it ends."""
    report = f"import sys; print('LOADED', *[m for m in {LIBRARIES!r} if m in sys.modules])"
    wrapped = f"import atexit, sys\natexit.register(lambda: exec({report!r}))\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", wrapped], cwd=REPO, capture_output=True, text=True, timeout=120, check=True
    )
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    "code",
    [
        "import adshift.launch.cli, adshift.config.plan, adshift.launch.sweep, adshift.store.store, adshift.errors",
        "import runpy, sys; sys.argv = ['train.py', '--help']; runpy.run_path('train.py', run_name='__main__')",
        "import runpy, sys; sys.argv = ['train.py', '--cfg', 'job']; runpy.run_path('train.py', run_name='__main__')",
    ],
    ids=["modules", "help", "config"],
)
def test_no_library_is_imported_before_a_job_starts(code: str) -> None:
    assert imported(code) == set()


def test_the_methods_import_torch_alone() -> None:
    modules = ("patchcore", "padim", "search.neighbours", "search.approximate", "coreset.greedy")
    assert imported("; ".join(f"import adshift.methods.{module}" for module in modules)) == {"torch"}


def test_the_pipeline_imports_no_more_than_lightning_does() -> None:
    assert imported("import adshift.run.train") <= BY_LIGHTNING


EVERY_MODULE = """
import importlib, pkgutil, sys
sys.modules["fcntl"] = sys.modules["resource"] = None  # as on Windows
import adshift
names = [found.name for found in pkgutil.walk_packages(adshift.__path__, "adshift.")]
for name in names:
    importlib.import_module(name)
print(*names)
"""


@pytest.mark.slow
def test_every_module_can_be_imported_where_there_is_no_fcntl_and_no_resource() -> None:
    done = subprocess.run([sys.executable, "-c", EVERY_MODULE], cwd=REPO, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    programs = (
        "run.train",
        "run.evaluate",
        "prediction.job",
        "export.job",
        "stress.job",
        "diagnose.job",
        "report.make",
    )
    assert {f"adshift.{name}" for name in programs} <= set(done.stdout.split())


def test_without_resource_the_peak_of_memory_is_null() -> None:
    code = (
        "import sys; sys.modules['resource'] = None\n"
        "from adshift.system.provenance import peak_memory; assert peak_memory()['peak_rss_mb'] is None"
    )
    assert imported(code) == {"torch"}


def test_a_wrong_key_is_told_before_torch_is_imported() -> None:
    code = (
        "import runpy, sys; sys.argv = ['train.py', 'sead=1']\n"
        "try: runpy.run_path('train.py', run_name='__main__')\n"
        "except SystemExit as e: assert e.code == 2"
    )
    assert "torch" not in imported(code)
