"""Each tracker is told the run's configuration, figures, thresholds and pictures: read back from what it wrote."""

from __future__ import annotations

import csv
import io
import json
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from helpers.images import tiny_overrides
from helpers.inprocess import Finished, invoke
from helpers.repo import REPO
from helpers.told import expected, pictures_of, result_of
from PIL import Image

from adshift.config.build import build
from adshift.tracking import trackers
from adshift.tracking.record import figures, flat, read_record

Told = Callable[..., Path]


def train(tiny: Path, folder: Path, *overrides: str) -> Finished:
    return invoke("train.py", *tiny_overrides(tiny), *overrides, f"hydra.run.dir={folder}")


@pytest.fixture(scope="module")
def told(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """``told(*overrides)``: the folder of a run with pictures, made once a module."""
    base = tmp_path_factory.mktemp("told")
    done: dict[tuple[str, ...], Path] = {}

    def folder(*overrides: str) -> Path:
        if overrides not in done:
            done[overrides] = base / str(len(done))
            finished = train(tiny, done[overrides], "save_maps=true", *overrides)
            assert finished.code == 0, finished.err
            assert "not told" not in finished.err, finished.err
        return done[overrides]

    return folder


def test_csv_is_what_is_told_where_nothing_is_said(told: Told) -> None:
    folder = told()
    with (folder / "csv" / "metrics.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 1
    for name, value in expected(folder).items():
        assert float(rows[0][name]) == pytest.approx(value, rel=1e-12), name
    parameters = yaml.safe_load((folder / "csv" / "hparams.yaml").read_text())
    assert parameters["coreset_ratio"] == 0.1
    assert parameters["data/categories"] == '["plate"]'
    assert parameters["folder"] == str(folder)


def test_csv_is_written_anew_with_the_run(told: Told, tiny: Path) -> None:
    folder = told("seed=1")
    before = (folder / "csv" / "hparams.yaml").read_text()
    assert train(tiny, folder, "save_maps=true", "seed=2").code == 0
    parameters = yaml.safe_load((folder / "csv" / "hparams.yaml").read_text())
    assert "seed: 1" in before
    assert parameters["seed"] == 2
    assert len((folder / "csv" / "metrics.csv").read_text().splitlines()) == 2


def test_tensorboards_event_file_holds_it_all(told: Told, tiny: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the trackers extra")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = told("logger=tensorboard")
    for _ in range(2):  # the second time after the cell was done again
        files = list((folder / "tensorboard").glob("events.*"))
        assert len(files) == 1
        held = EventAccumulator(str(files[0]))
        held.Reload()
        for name, value in expected(folder).items():
            assert [event.value for event in held.Scalars(name)] == pytest.approx([value], rel=1e-6), name
        for name, pixels in pictures_of(folder).items():
            event = held.Images(f"pictures/{name}")[0]
            assert (np.asarray(Image.open(io.BytesIO(event.encoded_image_string))) == pixels).all()
        parameters = yaml.safe_load((folder / "tensorboard" / "hparams.yaml").read_text())
        assert parameters["method/name"] == "patchcore"
        assert train(tiny, folder, "save_maps=true", "logger=tensorboard", "force=true").code == 0


def test_mlflows_store_holds_it_all(told: Told, tmp_path_factory: pytest.TempPathFactory) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs the trackers extra")
    store = tmp_path_factory.mktemp("store") / "mlruns"
    folders = [told("logger=mlflow", f"logger.store={store}", f"seed={seed}") for seed in (0, 1)]
    client = mlflow.MlflowClient(store.as_uri())
    experiments = client.search_experiments(filter_string="name = 'adshift'")
    assert len(experiments) == 1
    runs = {run.data.params["folder"]: run for run in client.search_runs([experiments[0].experiment_id])}
    assert set(runs) == {str(folder) for folder in folders}
    for folder, run in ((folder, runs[str(folder)]) for folder in folders):
        assert run.info.status == "FINISHED"
        assert run.info.run_name == "patchcore plate clean none"
        assert run.data.params["seed"] == str(result_of(folder)["config"]["seed"])
        for name, value in expected(folder).items():
            assert run.data.metrics[name] == pytest.approx(value, rel=1e-12), name
        files = {item.path for item in client.list_artifacts(run.info.run_id)}
        assert files == {"result.json", "scores.csv", "calibration.json", "pictures"}
        for name, pixels in pictures_of(folder).items():
            path = client.download_artifacts(run.info.run_id, f"pictures/{name}.png")
            assert (np.asarray(Image.open(path)) == pixels).all()


def test_cells_that_end_together_share_mlflows_experiment(told: Told, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs the trackers extra")
    record, tracker = read_record(told()), trackers.MlflowTracker(str(tmp_path / "store"))
    started = threading.Barrier(4)

    def tell() -> None:
        started.wait()
        tracker.log(record)

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client = mlflow.MlflowClient((tmp_path / "store").as_uri())
    experiments = client.search_experiments(filter_string="name = 'adshift'")
    assert len(experiments) == 1
    assert len(client.search_runs([experiments[0].experiment_id])) == 4


def wandb_records(path: Path) -> list[Any]:
    """The records of a .wandb file: LevelDB's log format, after a header of seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, part, found = path.read_bytes(), 7, b"", []
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:  # a block's last bytes are padding
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        part += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last of several
            record = Record()
            record.ParseFromString(part)
            found.append(record)
            part = b""
    return found


def test_wandbs_offline_file_holds_it_all(told: Told) -> None:
    pytest.importorskip("wandb", reason="needs the trackers extra")
    folder = told("logger=wandb")
    runs = list((folder / "wandb").glob("offline-run-*"))
    assert len(runs) == 1
    records = wandb_records(next(runs[0].glob("*.wandb")))
    figures_told = {
        "/".join(item.nested_key) or item.key: json.loads(item.value_json)
        for record in records
        for item in record.history.item
    }
    for name, value in expected(folder).items():
        assert figures_told[name] == pytest.approx(value, rel=1e-12), name
    parameters = {item.key: json.loads(item.value_json) for r in records for item in r.config.update}
    assert parameters["coreset_ratio"] == 0.1
    assert parameters["threshold/_target_"] == result_of(folder)["config"]["threshold"]["_target_"]
    told_pixels = [np.asarray(Image.open(path)) for path in runs[0].glob("files/media/images/*.png")]
    own = pictures_of(folder)
    assert len(told_pixels) == len(own)
    for pixels in own.values():
        assert any(pixels.shape == other.shape and (pixels == other).all() for other in told_pixels)


def test_none_tells_nobody(told: Told) -> None:
    folder = told("logger=none")
    assert not {path.name for path in folder.iterdir()} & {"csv", "tensorboard", "wandb", "mlruns"}


def test_an_evaluation_tells_whom_its_run_told(told: Told, tmp_path: Path) -> None:
    done = invoke("evaluate.py", f"run={told()}", "domain=shift", f"hydra.run.dir={tmp_path / 'same'}")
    assert done.code == 0, done.err
    assert (tmp_path / "same" / "csv" / "metrics.csv").is_file()
    done = invoke("evaluate.py", f"run={told()}", "logger=none", f"hydra.run.dir={tmp_path / 'none'}")
    assert done.code == 0, done.err
    assert not (tmp_path / "none" / "csv").exists()


def test_a_run_from_before_there_were_trackers_is_evaluated(told: Told, tmp_path: Path) -> None:
    result = result_of(told())
    del result["config"]["logger"]
    (tmp_path / "old").mkdir()
    for name in ("model.ckpt", "calibration.json"):
        (tmp_path / "old" / name).symlink_to(told() / name)
    (tmp_path / "old" / "result.json").write_text(json.dumps(result))
    done = invoke("evaluate.py", f"run={tmp_path / 'old'}", f"hydra.run.dir={tmp_path / 'out'}")
    assert done.code == 0, done.err
    assert not (tmp_path / "out" / "csv").exists()


def test_a_finished_cell_is_not_done_again_for_a_tracker(told: Told, tiny: Path) -> None:
    done = train(tiny, told(), "save_maps=true", "logger=none")
    assert done.code == 0
    assert "finished already" in done.out


@pytest.mark.parametrize(
    ("logger", "module"), [("mlflow", "mlflow"), ("wandb", "wandb"), ("tensorboard", "tensorboard")]
)
def test_a_missing_package_is_told_before_the_fit(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logger: str, module: str
) -> None:
    real = trackers.find_spec
    monkeypatch.setattr(trackers, "find_spec", lambda name: None if name == module else real(name))
    done = train(tiny, tmp_path, f"logger={logger}")
    assert done.code == 2
    assert f"logger={logger} needs {module}; pip install 'adshift[trackers]'" in done.err
    assert not (tmp_path / "model.ckpt").exists()


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["logger=paper"], "csv"),
        (["logger=mlflow", "logger.experiment=3"], "logger.experiment=3 must be a text"),
        (["logger=csv", "logger.colour=red"], "logger.colour"),
    ],
)
def test_mistakes_are_told_in_one_line(tiny: Path, tmp_path: Path, overrides: list[str], says: str) -> None:
    done = train(tiny, tmp_path, *overrides)
    assert done.code == 2
    assert says in done.err
    assert not (tmp_path / "model.ckpt").exists()


def test_a_tracker_that_fails_costs_no_result(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, record: object) -> None:
        raise RuntimeError("no room\nat all")

    monkeypatch.setattr(trackers.CsvTracker, "log", fail)
    done = train(tiny, tmp_path)
    assert done.code == 0
    assert "the tracker was not told (no room); the result stands" in done.err
    assert (tmp_path / "result.json").is_file()


def test_figures_are_told_with_their_groups_and_undefined_ones_are_not() -> None:
    result = {
        "metrics": {
            "macro": {"image_auroc": 0.5, "image_auroc_ci": [0.4, 0.6], "recall": None, "recall_ci": None},
            "pooled": {"image_auroc": 0.25},
            "categories": {"a": {"image_auroc": 1.0, "n": True}},
        },
        "threshold": {"a": {"value": 2.0, "promised_rate": None}},
        "timing": {"fit": 3.0, "ms_per_image": None},
        "counts": {"a": {"train": 4}},
    }
    assert figures(result) == {
        "macro/image_auroc": 0.5,
        "macro/image_auroc_low": 0.4,
        "macro/image_auroc_high": 0.6,
        "pooled/image_auroc": 0.25,
        "a/image_auroc": 1.0,
        "a/threshold": 2.0,
        "timing/fit": 3.0,
        "counts/a/train": 4.0,
    }
    nested = {"a": {"b": None, "c": [1, "x"]}, "d": True, "e": {"f": {"g": 1.5}}}
    assert flat(nested) == {"a/b": "null", "a/c": '[1, "x"]', "d": True, "e/f/g": 1.5}


def test_every_option_builds_its_tracker() -> None:
    conf = REPO / "conf" / "logger"
    built = {path.stem: build(yaml.safe_load(path.read_text()), "logger") for path in conf.glob("*.yaml")}
    assert {name: type(tracker).__name__ for name, tracker in built.items()} == {
        "csv": "CsvTracker", "tensorboard": "TensorBoardTracker", "mlflow": "MlflowTracker", "wandb": "WandbTracker",
        "none": "NoTracker",
    }  # fmt: skip
    assert vars(built["mlflow"]) == vars(trackers.MlflowTracker())
    assert vars(built["wandb"]) == vars(trackers.WandbTracker())
