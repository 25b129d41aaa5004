"""Ctrl-C, the umask, full disks, what killed programs left: every program ends in order and cleans up its own."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from unittest import mock

import pytest
from fsspec.implementations.local import get_umask
from helpers.forks import exit_status, forked
from helpers.images import draw_category, tiny_overrides
from helpers.inprocess import invoke, run_cell

from adshift.data.shifted import main as shifted
from adshift.system.exit_status import refusal
from adshift.system.scratch import OLD, scratch_folder
from adshift.system.writing import RefusedError, writing

WORK = {
    "adshift.data.check.__main__": ("examine", ["ROOT"]),
    "adshift.data.shifted": ("write_category", ["ROOT", "OUT", "--categories", "plate"]),
    "adshift.data.synthetic": ("ensure", ["OUT"]),
    "adshift.diagnose.__main__": ("named_domain", ["RUN"]),
    "adshift.pretraining.__main__": ("_train", ["--out", "OUT"]),
    "adshift.report.__main__": ("fingerprint", ["RUN", "--out", "OUT"]),
    "adshift.report.compare": ("_report", ["RUN", "RUN"]),
    "adshift.report.console": ("side_by_side", ["RUN"]),
    "adshift.report.gallery": ("_write", ["ROOT", "OUT", "--categories", "plate"]),
    "adshift.report.seeds": ("seed_table", ["RUN"]),
}
"""Program -> what it calls first, and words that it takes."""


@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
@pytest.mark.parametrize("program", WORK)
def test_a_signal_ends_every_small_program_with_one_line(
    program: str, number: int, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = import_module(program)
    name, words = WORK[program]

    def struck(*arguments: object, **options: object) -> None:
        os.kill(os.getpid(), number)
        time.sleep(60)  # the signal's handler ends it

    told = [str(tmp_path) if given.isupper() else given for given in words]
    with mock.patch.object(module, name, struck), pytest.raises(SystemExit) as end:
        module.main(told)
    assert end.value.code == 128 + number
    assert capsys.readouterr().err == f"adshift: {word}; what was finished stays\n"


@pytest.fixture
def private() -> Iterator[None]:
    """What is made is for its owner's eyes alone."""
    before = os.umask(0o077)
    get_umask.cache_clear()  # fsspec, by which Lightning writes, asks once a process
    yield
    os.umask(before)
    get_umask.cache_clear()


@pytest.mark.usefixtures("private")
def test_the_umask_is_kept_by_all_that_is_written(tiny: Path, tmp_path: Path) -> None:
    store = f"store.root={tmp_path / 'store'}"
    run_cell(tmp_path / "run", *tiny_overrides(tiny), "save_maps=true", store)
    source = f"source={tiny / 'plate' / 'test' / 'blot'}"
    assert invoke("predict.py", f"run={tmp_path / 'run'}", source, f"hydra.run.dir={tmp_path / 'out'}").code == 0
    assert shifted([str(tiny), str(tmp_path / "moved"), "--categories", "plate"]) == 0
    written = [path for path in tmp_path.rglob("*") if not path.is_symlink()]
    assert {path.suffix for path in written} >= {".json", ".ckpt", ".csv", ".npz", ".png", ".html"}
    assert not [path for path in written if path.stat().st_mode & 0o077]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux's")
def test_of_a_full_disk_the_target_is_named_and_not_what_was_read(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(bytes(100_000))
    with pytest.raises(RefusedError) as refused, writing(tmp_path), writing(tmp_path / "target"):
        shutil.copyfile(tmp_path / "source", "/dev/full")
    assert refusal(refused.value).startswith(f"{tmp_path / 'target'} cannot be used (No space left on device)")


def test_the_scratch_of_a_killed_program_goes_with_the_next(tiny: Path, tmp_path: Path) -> None:
    def dies(*arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    words = [str(tiny), str(tmp_path), "--categories", "plate"]
    with mock.patch("adshift.data.shifted._save", dies):
        assert exit_status(forked(lambda: shifted(words))) == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".plate.")
    long_ago = time.time() - 2 * OLD
    os.utime(left, (long_ago, long_ago))
    assert shifted(words) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["plate"]


def test_scratch_that_is_held_or_young_or_of_others_stays(tmp_path: Path) -> None:
    young, others = tmp_path / f".a.{'0' * 32}", tmp_path / ".a.notes"
    with scratch_folder(tmp_path, "a") as held:
        for folder in (young, others):
            folder.mkdir()
        for folder in (held, others):
            os.utime(folder, (0, 0))
        with scratch_folder(tmp_path, "a"):
            assert held.is_dir()
    assert sorted(tmp_path.iterdir()) == sorted([young, others])


def test_a_mask_for_a_good_image_is_told_by_a_fit(tmp_path: Path) -> None:
    draw_category(tmp_path / "images", "plate", train=6, good=2, defective=2)
    masks = tmp_path / "images" / "plate" / "ground_truth"
    shutil.copytree(masks / "blot", masks / "good")
    found = run_cell(tmp_path / "run", *tiny_overrides(tmp_path / "images"), "split=official", "store=off")
    assert any("ground_truth/good holds masks of images that count as good" in line for line in found["warnings"])
