"""Nothing heavy is imported before it is needed, and nothing that not every system has: each in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import run_cell
from helpers.repo import REPO

LIBRARIES = (
    "albumentations", "anomalib", "cv2", "faiss", "jinja2", "matplotlib", "pytorch_lightning", "scipy", "skimage",
    "sklearn", "timm", "torch", "torchmetrics", "torchvision",
)  # fmt: skip
BY_LIGHTNING = {"matplotlib", "pytorch_lightning", "scipy", "torch", "torchmetrics", "torchvision"}
"""What importing pytorch_lightning itself brings."""


def started(code: str) -> subprocess.CompletedProcess[str]:
    """A program that has ended, and has told at last which of ``LIBRARIES`` it imported."""
    report = f"import sys; print('LOADED', *[m for m in {LIBRARIES!r} if m in sys.modules])"
    wrapped = f"import atexit, sys\natexit.register(lambda: exec({report!r}))\n{code}"
    return subprocess.run(
        [sys.executable, "-c", wrapped], cwd=REPO, capture_output=True, text=True, timeout=120, check=True
    )


def loaded(done: subprocess.CompletedProcess[str]) -> set[str]:
    return set(done.stdout.rpartition("LOADED")[2].split())


def imported(code: str) -> set[str]:
    """Which of ``LIBRARIES`` a program has imported when it ends."""
    return loaded(started(code))


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


RUNS = """
import runpy, sys
sys.argv = {words!r}
try:
    runpy.run_path({words!r}[0], run_name="__main__")
except SystemExit as end:
    print(end.code)
"""
"""A program in a fresh interpreter; what it ends with is printed."""
HEAVY = {"pytorch_lightning", "torch", "torchmetrics", "torchvision"}


@pytest.fixture(scope="module")
def finished(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    run_cell(folder, *tiny_overrides(tiny), "image_size=32", "metrics.bootstrap=0", "threshold=sigma", "logger=none")
    return folder


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("train.py", "image_size=[96,64]"), "image_size=[96, 64] must be a whole number"),
        (("train.py", "coreset_ratio=2"), "coreset_ratio=2.0 must be in (0, 1]"),
        (("train.py", "data=folder", "data.root=nowhere"), "nowhere"),
        (("train.py", "data=folder", "data.root=PHOTOS", "split=official", "crossfit=99"), "use crossfit=20 or less"),
        (("train.py", "data=folder", "data.root=PHOTOS", "crossfit=1"), "crossfit=1 must be >= 2"),
        (("train.py", "data=folder", "data.root=PHOTOS", "adaptation=few"), "use split=standard crossfit=0"),
        (
            ("train.py", "data=folder", "data.root=ROOT", "data.category=plate", "split=standard", "threshold=f1"),
            "threshold=f1 needs",
        ),
        (("train.py", "data=folder", "data.root=BROKEN"), "cannot be read"),
        (("evaluate.py", "run=nowhere"), "nowhere/result.json does not exist"),
        (("evaluate.py", "run=RUN", "data_root=nowhere"), "data_root=nowhere is no folder"),
        (("evaluate.py", "run=RUN", "adaptation=few", "few.k=0"), "few.k=0 must be >= 1"),
        (("evaluate.py", "run=RUN", "adaptation=full"), "needs a new fit"),
        (("predict.py", "run=RUN", "source=nowhere"), "source=nowhere is no file"),
        (("predict.py", "run=nowhere", "source=PHOTOS"), "nowhere/result.json does not exist"),
        (("predict.py", "run=RUN", "source=PHOTOS", "threshold=sigma"), "threshold=sigma must be a finite number"),
        (("predict.py", "run=RUN", "source=PHOTOS", "batch_size=many"), "batch_size=many must be a whole number"),
        (("export.py", "run=RUN", "format=tflite"), "format=tflite must be one of"),
        (("export.py", "run=nowhere", "format=torch"), "nowhere/result.json does not exist"),
        (("adshift/stress/__main__.py", "run=RUN", "folds=1"), "folds=1 must be >= 2"),
        (("adshift/stress/__main__.py", "run=RUN", "data_root=nowhere"), "data_root=nowhere is no folder"),
    ],
    ids=lambda value: "-".join(value[1:]) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_told_before_anything_heavy_is_imported(
    words: tuple[str, ...], says: str, finished: Path, tiny: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken").mkdir()
    for i in range(6):
        (tmp_path / "broken" / f"{i}.png").write_bytes(b"no picture")
    places = {"PHOTOS": tiny / "plate", "ROOT": tiny, "RUN": finished, "BROKEN": tmp_path / "broken"}
    filled = list(words)
    for name, place in places.items():
        filled = [word.replace(f"={name}", f"={place}") for word in filled]
    done = started(RUNS.format(words=[*filled, f"hydra.run.dir={tmp_path / 'out'}"]))
    assert done.stdout.splitlines()[0] == "2", done.stderr
    assert says in done.stderr
    assert not HEAVY & loaded(done)


def test_a_wrong_key_is_told_before_torch_is_imported() -> None:
    code = (
        "import runpy, sys; sys.argv = ['train.py', 'sead=1']\n"
        "try: runpy.run_path('train.py', run_name='__main__')\n"
        "except SystemExit as e: assert e.code == 2"
    )
    assert "torch" not in imported(code)


def test_a_prediction_imports_what_scores_and_draws_alone(finished: Path, tiny: Path, tmp_path: Path) -> None:
    photographs = tiny / "plate" / "test" / "good"
    words = ["predict.py", f"run={finished}", f"source={photographs}", f"hydra.run.dir={tmp_path / 'out'}"]
    done = started(RUNS.format(words=words))
    assert "not read" in done.stdout
    assert loaded(done) <= {"cv2", "faiss", "jinja2", "torch"}
