"""Disks that fill or refuse, data that vanishes, workers that die, signals, two processes in one folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import Finished, invoke, run_cell
from helpers.repo import REPO, Program

Mount = Callable[[str], None]


def told(done: Finished) -> str:
    """The one line that a failed run leaves on stderr beside progress bars; no traceback."""
    assert "Traceback" not in done.err, done.err
    lines = [line for line in done.err.replace("\r", "\n").splitlines() if line.startswith("adshift: ")]
    assert len(lines) == 1, done.err
    return lines[0]


def figures(result: dict[str, Any]) -> str:
    return json.dumps([result["metrics"], result["threshold"]])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, Mount]]:
    """A small disk of its own: its folder, and a way to mount it anew with other options."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root and mount(8)")
    first = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(folder)], capture_output=True)
    if first.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {first.stderr.decode().strip()}")

    def remount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)

    try:
        yield folder, remount
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def undisturbed(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The figures of the cell with maps where nothing goes wrong."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return figures(run_cell(folder, *tiny_overrides(tiny), "save_maps=true", "store=off"))


@pytest.mark.parametrize("kilobytes", [40, 400, 4_000, 14_000, 18_000, 24_000])
def test_a_full_disk_is_one_line_and_the_next_run_is_whole(
    tiny: Path, undisturbed: str, disk: tuple[Path, Mount], kilobytes: int
) -> None:
    folder, remount = disk
    remount(f"size={kilobytes}k")
    there = [
        *tiny_overrides(tiny),
        "save_maps=true",
        f"store.root={folder / 'store'}",
        f"hydra.run.dir={folder / 'out'}",
    ]
    done = invoke("train.py", *there)
    assert done.code == 2, done.err
    assert "No space left on device" in told(done) or "written" in told(done)
    assert str(folder) in told(done)
    assert not (folder / "out" / "result.json").exists()
    assert not list((folder / "out").glob(".partial-*"))
    remount("size=200m")
    again = invoke("train.py", *there)
    assert again.code == 0, again.err
    found = json.loads((folder / "out" / "result.json").read_text())
    assert figures(found) == undisturbed


@pytest.mark.parametrize("what", ["output", "store"])
def test_a_read_only_folder_is_one_line(tiny: Path, tmp_path: Path, disk: tuple[Path, Mount], what: str) -> None:
    folder, remount = disk
    remount("ro")
    places = {"output": tmp_path / "out", "store": tmp_path / "store", what: folder / "there"}
    done = invoke(
        "train.py", *tiny_overrides(tiny), f"store.root={places['store']}", f"hydra.run.dir={places['output']}"
    )
    assert done.code == 2
    assert "Read-only file system" in told(done)
    assert str(folder / "there") in told(done)
    assert not (places["output"] / "result.json").exists()


def test_data_that_vanishes_after_the_check_is_named(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import adshift.run.foresee

    root = tmp_path / "images"
    shutil.copytree(tiny / "plate", root / "plate")
    checked = adshift.run.foresee.verify_files

    def check_then_lose(*arguments: Any) -> Any:
        found = checked(*arguments)
        shutil.rmtree(root / "plate" / "test")
        return found

    monkeypatch.setattr(adshift.run.foresee, "verify_files", check_then_lose)
    done = invoke("train.py", *tiny_overrides(root), f"hydra.run.dir={tmp_path / 'out'}")
    assert done.code == 2
    assert "plate/test" in told(done)
    assert not (tmp_path / "out" / "result.json").exists()


def test_a_data_worker_that_the_kernel_kills_is_told(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import adshift.data.dataset

    def die(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(adshift.data.dataset, "read_image", die)
    done = invoke(
        "train.py", *tiny_overrides(tiny), "data.num_workers=1", "store=off", f"hydra.run.dir={tmp_path / 'out'}"
    )
    assert done.code == 2
    assert "data.num_workers=1" in told(done)
    assert not (tmp_path / "out" / "result.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_ends_a_run_in_order(tiny: Path, tmp_path: Path, number: int, status: int, word: str) -> None:
    overrides = [o for o in tiny_overrides(tiny) if not o.startswith("metrics.bootstrap")]
    cell = [
        *overrides,
        "metrics.bootstrap=20000",
        f"store.root={tmp_path / 'store'}",
        f"hydra.run.dir={tmp_path / 'out'}",
    ]
    job = subprocess.Popen(
        [sys.executable, "train.py", *cell], cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for _ in range(6000):  # until the scores are there; the bootstrap then takes long enough
        if list((tmp_path / "store" / "scores").glob("*")):
            break
        time.sleep(0.05)
    job.send_signal(number)
    _, err = job.communicate(timeout=300)
    assert job.returncode == status, err
    assert f"adshift: {word}; what was finished stays" in err
    assert "Traceback" not in err
    assert not (tmp_path / "out" / "result.json").exists()
    assert not list((tmp_path / "out").glob(".partial-*"))
    assert not list((tmp_path / "store" / "partial").glob("*"))
    again = invoke("train.py", *overrides, f"store.root={tmp_path / 'store'}", f"hydra.run.dir={tmp_path / 'out'}")
    assert again.code == 0, again.err
    assert "models" not in json.loads((tmp_path / "out" / "result.json").read_text())["store"]["made"]


@pytest.mark.slow
def test_two_processes_in_one_folder_and_one_store_do_the_cell_once(tiny: Path, tmp_path: Path) -> None:
    cell = [*tiny_overrides(tiny), f"store.root={tmp_path / 'store'}", f"hydra.run.dir={tmp_path / 'out'}"]
    command = [sys.executable, "train.py", *cell]
    jobs = [
        subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    outs = [job.communicate(timeout=300) for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], outs
    assert sorted("finished already" in out for out, _ in outs) == [False, True]
    assert not list((tmp_path / "out").glob(".partial-*"))


def test_what_a_killed_process_left_half_written_goes(tiny: Path, tmp_path: Path, program: Program) -> None:
    (tmp_path / ".partial-abc.json").write_text('{"schema": 1, "met')
    run_cell(tmp_path, *tiny_overrides(tiny))
    assert not list(tmp_path.glob(".partial-*"))
