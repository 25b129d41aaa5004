"""TensorBoard and MLflow are started as docs/daily.md says, and what runs told them is read back over HTTP."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import invoke, run_cell
from helpers.repo import REPO
from helpers.told import expected, pictures_of, result_of
from PIL import Image

from adshift.tracking import trackers
from adshift.tracking.record import read_record

pytestmark = pytest.mark.slow
PATIENCE = 120.0
"""Seconds that a server may take to start, or to find what was written."""
MODULES = {"tensorboard": "tensorboard.main", "mlflow": "mlflow"}
MARK = "ADSHIFT_TEST_SERVER"
WHOLE = "needs the whole mlflow (the dev extra): mlflow-skinny has no server"


def documented(start: str) -> str:
    """The one command of docs/daily.md that begins so."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", (REPO / "docs" / "daily.md").read_text("utf-8"), re.M | re.S)
    (found,) = [line for block in blocks for line in block.splitlines() if line.startswith(start)]
    return str(found)


def marked(mark: str) -> list[int]:
    """The living processes that were started with this mark, at whatever remove; none where /proc cannot say."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def wait_for(what: Callable[[], Any], why: Callable[[], str], seconds: float = PATIENCE) -> Any:
    """What the call gives as soon as it gives anything; fails after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.2)
    pytest.fail(why())


class Web:
    """A server's HTTP interface, asked without a proxy."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self.direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str, body: dict[str, Any] | None = None, /, **query: str) -> bytes:
        url = f"{self.address}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with self.direct.open(request, timeout=60) as answer:
            found: bytes = answer.read()
        return found

    def json(self, path: str, body: dict[str, Any] | None = None, /, **query: str) -> Any:
        return json.loads(self.get(path, body, **query))


@contextlib.contextmanager
def serving(command: str, log: Path, *more: str) -> Iterator[Web]:
    """A documented command in a process of its own, on a free port of 127.0.0.1; it and all it started are ended.

    They stay in the group of the tests: what ends those from outside (a time limit, Ctrl-C) ends the server too.
    """
    words = shlex.split(command)
    variables = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    name, *arguments = words[len(variables) :]
    mark = uuid.uuid4().hex
    environment = {
        **os.environ, **variables, MARK: mark,
        "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }  # fmt: skip
    with log.open("w") as handle:
        server = subprocess.Popen(
            [sys.executable, "-m", MODULES[name], *arguments, "--host", "127.0.0.1", "--port", "0", *more],
            stdin=subprocess.DEVNULL, stdout=handle, stderr=subprocess.STDOUT, cwd=log.parent, env=environment,
        )  # fmt: skip
    try:

        def address() -> str | None:
            if server.poll() is not None:
                pytest.fail(f"{command} ended: {log.read_text()}")
            found = re.search(r"(?:running on|at) (http://127\.0\.0\.1:\d+)", log.read_text())
            return found[1] if found else None

        yield Web(wait_for(address, log.read_text))
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(20)
        server.kill()  # which is nothing where it has ended
        server.wait(20)
        try:
            wait_for(lambda: not marked(mark), lambda: f"{command} left processes {marked(mark)}", 20)
        finally:
            for left in marked(mark):
                os.kill(left, signal.SIGKILL)


def tell(tiny: Path, folder: Path, *overrides: str) -> Path:
    run_cell(folder, *tiny_overrides(tiny), "save_maps=true", *overrides)
    return folder


def test_tensorboard_shows_runs_over_http(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the trackers extra")
    outputs = tmp_path / "outputs"
    folders = {f"{i}/tensorboard": tell(tiny, outputs / str(i), "logger=tensorboard", f"seed={i}") for i in range(2)}
    with serving(documented("tensorboard "), tmp_path / "log") as web:
        assert b"<title>TensorBoard</title>" in web.get("/")
        scalars, images = "/data/plugin/scalars", "/data/plugin/images"
        wait_for(lambda: set(web.json(f"{scalars}/tags")) == set(folders), lambda: str(web.json("/data/runs")))
        assert set(web.json("/data/runs")) == set(folders)
        for run, folder in folders.items():
            for tag, value in expected(folder).items():
                ((_, step, shown),) = web.json(f"{scalars}/scalars", run=run, tag=tag)
                assert (step, shown) == (0, pytest.approx(value, rel=1e-6)), tag
            tags = web.json(f"{images}/tags")[run]
            assert set(tags) == {f"pictures/{name}" for name in pictures_of(folder)}
            for name, pixels in pictures_of(folder).items():
                (entry,) = web.json(f"{images}/images", run=run, tag=f"pictures/{name}", sample="0")
                shown = web.get(f"{images}/individualImage?{entry['query']}")
                assert (np.asarray(Image.open(io.BytesIO(shown))) == pixels).all()
        asked = {"experimentName": "", "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_RUNNING"],
                 "colParams": [], "startIndex": 0, "sliceSize": 10}  # fmt: skip
        groups = web.json("/data/plugin/hparams/session_groups", asked)["sessionGroups"]
        assert {(g["hparams"]["method/name"], g["hparams"]["seed"]) for g in groups} == {
            ("patchcore", 0),
            ("patchcore", 1),
        }


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """``mlflow server`` on a data base of its own."""
    if find_spec("flask") is None or find_spec("mlflow") is None:
        pytest.skip(WHOLE)
    with serving(documented("mlflow server"), tmp_path_factory.mktemp("server") / "log", "--workers", "1") as web:
        yield web


def runs_of(web: Web, experiment: str) -> list[dict[str, Any]]:
    """The experiment's runs as MLflow's REST interface gives them."""
    found = web.json("/api/2.0/mlflow/experiments/get-by-name", experiment_name=experiment)["experiment"]
    asked = {"experiment_ids": [found["experiment_id"]], "max_results": 100}
    runs: list[dict[str, Any]] = web.json("/api/2.0/mlflow/runs/search", asked)["runs"]
    return runs


def pairs(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {item["key"]: item["value"] for item in items}


def assert_mlflow_shows(web: Web, run: dict[str, Any], folder: Path) -> None:
    """Status, parameters, metrics, thresholds, tags, files and pictures of one run."""
    parameters, metrics = pairs(run["data"]["params"]), pairs(run["data"]["metrics"])
    assert run["info"]["status"] == "FINISHED"
    assert pairs(run["data"]["tags"])["mlflow.runName"] == run["info"]["run_name"] == "patchcore plate clean none"
    assert parameters["folder"] == str(folder)
    assert parameters["coreset_ratio"] == "0.1"
    assert parameters["seed"] == str(result_of(folder)["config"]["seed"])
    for name, value in expected(folder).items():
        assert metrics[name] == pytest.approx(value, rel=1e-12), name
    identity = run["info"]["run_id"]
    listed = web.json("/api/2.0/mlflow/artifacts/list", run_id=identity)["files"]
    assert {item["path"] for item in listed} == {"result.json", "scores.csv", "calibration.json", "pictures"}
    for name in ("result.json", "scores.csv", "calibration.json"):
        assert web.get("/get-artifact", run_uuid=identity, path=name) == (folder / name).read_bytes()
    for name in pictures_of(folder):
        shown = web.get("/get-artifact", run_uuid=identity, path=f"pictures/{name}.png")
        assert shown == (folder / "pictures" / f"{name}.png").read_bytes()


def test_mlflow_shows_the_folder_of_plain_files(tiny: Path, tmp_path: Path) -> None:
    if find_spec("flask") is None or find_spec("mlflow") is None:
        pytest.skip(WHOLE)
    store = f"logger.store={tmp_path / 'outputs' / 'mlruns'}"  # the default, below the folder that the server starts in
    folders = [tell(tiny, tmp_path / str(i), "logger=mlflow", store, f"seed={i}") for i in range(2)]
    with serving(documented("MLFLOW_ALLOW_FILE_STORE=true mlflow ui"), tmp_path / "log", "--workers", "1") as web:
        assert b"<title>MLflow</title>" in web.get("/")
        runs = {pairs(run["data"]["params"])["folder"]: run for run in runs_of(web, "adshift")}
        assert set(runs) == {str(folder) for folder in folders}
        for folder in folders:
            assert_mlflow_shows(web, runs[str(folder)], folder)


def test_a_run_is_told_to_an_mlflow_server(mlflow_server: Web, tiny: Path, tmp_path: Path) -> None:
    command = shlex.split(documented("python train.py logger=mlflow logger.store=http"))
    store = re.sub(r"http://127\.0\.0\.1:\d+", mlflow_server.address, command[-1])
    folder = tell(tiny, tmp_path / "told", *command[2:-1], store)
    (run,) = runs_of(mlflow_server, "adshift")
    assert_mlflow_shows(mlflow_server, run, folder)
    done = invoke("evaluate.py", f"run={folder}", "domain=shift", f"hydra.run.dir={tmp_path / 'shifted'}")
    assert (done.code, "not told" in done.err) == (0, False), done.err
    names = {run["info"]["run_name"] for run in runs_of(mlflow_server, "adshift")}
    assert names == {"patchcore plate clean none", "patchcore plate shift none"}


def test_cells_that_end_together_share_a_servers_experiment(
    mlflow_server: Web, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them look for the experiment before any makes it."""
    record = read_record(tell(tiny, tmp_path / "cell", "logger=none"))
    import pytorch_lightning.loggers  # noqa: F401  # not by several threads at once
    from mlflow.tracking import MlflowClient

    failed: list[BaseException] = []
    count, looked, real = 4, threading.local(), MlflowClient.get_experiment_by_name
    together = threading.Barrier(count, timeout=PATIENCE)

    def look(client: MlflowClient, name: str) -> Any:
        found = real(client, name)
        if not hasattr(looked, "once"):
            looked.once = True
            together.wait()
        return found

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", look)

    def tell_it() -> None:
        try:
            trackers.MlflowTracker(mlflow_server.address, "together").log(record)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=tell_it) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert failed == []
    assert len(runs_of(mlflow_server, "together")) == count


def test_a_server_that_does_not_answer_costs_seconds_and_no_result(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow", reason="needs the trackers extra")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # the user's word counts
    begun = time.monotonic()
    done = invoke("train.py", *tiny_overrides(tiny), "logger=mlflow", "logger.store=http://127.0.0.1:9",
                  f"hydra.run.dir={tmp_path}")  # fmt: skip
    assert done.code == 0, done.err
    assert "the tracker was not told (no MLflow server answers at logger.store=http://127.0.0.1:9)" in done.err
    assert (tmp_path / "result.json").is_file()
    assert time.monotonic() - begun < PATIENCE


def test_a_data_base_holds_runs_and_needs_the_whole_mlflow(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs the trackers extra")
    pytest.importorskip("sqlalchemy", reason=WHOLE)
    store = f"sqlite:///{tmp_path / 'runs.db'}"
    monkeypatch.chdir(tmp_path)  # MLflow puts the artifacts beside a data base into the working folder
    folder = tell(tiny, tmp_path / "told", "logger=mlflow", f"logger.store={store}")
    (run,) = mlflow.MlflowClient(store).search_runs(["1"])
    assert run.data.params["folder"] == str(folder)
    real = trackers.find_spec
    monkeypatch.setattr(trackers, "find_spec", lambda name: None if name == "sqlalchemy" else real(name))
    done = invoke("train.py", *tiny_overrides(tiny), "logger=mlflow", f"logger.store={store}",
                  f"hydra.run.dir={tmp_path / 'skinny'}")  # fmt: skip
    assert done.code == 2
    assert f"logger.store={store} is a data base, which mlflow-skinny cannot write" in done.err
    assert not (tmp_path / "skinny" / "model.ckpt").exists()
