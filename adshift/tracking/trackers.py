"""Trackers, each through Lightning's own logger: configuration, figures, thresholds, pictures."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from adshift.errors import AdshiftError
from adshift.system.locks import lock, or_without
from adshift.tracking.record import PICTURES, Record

FOLDER = "folder"
"""Under which name a tracker is told where the run lies."""
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
"""How the URI of a data base begins that MLflow writes through SQLAlchemy."""
ENVIRONMENT = {
    "MLFLOW_ALLOW_FILE_STORE": "true",  # MLflow asks for this before it uses plain files
    "MLFLOW_DISABLE_TELEMETRY": "true",  # who uses adshift is nobody else's business
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # its own 7 hold a finished run for four minutes where no server answers
}
"""What MLflow reads, where the user's own environment does not say otherwise."""


class Tracker(Protocol):
    """Something that runs are told to."""

    def require(self) -> None:
        """Raises AdshiftError where the tracker's package is not installed."""
        ...

    def log(self, record: Record) -> None:
        """Tell of a finished run."""
        ...


def _require(name: str, module: str) -> None:
    if find_spec(module) is None:
        raise AdshiftError(f"logger={name} needs {module}; pip install 'adshift[trackers]', or use logger=csv or none")


def _parameters(record: Record) -> dict[str, Any]:
    return {**record.config, FOLDER: str(record.folder)}


class NoTracker:
    """Tells nobody."""

    def require(self) -> None:
        """Nothing."""

    def log(self, record: Record) -> None:
        """Nothing."""


class CsvTracker:
    """metrics.csv and hparams.yaml in the run's folder."""

    def require(self) -> None:
        """Nothing."""

    def log(self, record: Record) -> None:
        """Write both files anew."""
        from pytorch_lightning.loggers import CSVLogger

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*exists and is not empty.*")  # a cell that is done again
            logger = CSVLogger(record.folder, name="", version="csv")
            logger.log_hyperparams(_parameters(record))
            logger.log_metrics({**record.figures}, step=0)
            logger.finalize("success")


class TensorBoardTracker:
    """One event file in the run's folder: scalars, the hyperparameters' table, pictures."""

    def require(self) -> None:
        """Needs the package tensorboard."""
        _require("tensorboard", "tensorboard")

    def log(self, record: Record) -> None:
        """Write the event file anew."""
        import numpy as np
        from PIL import Image
        from pytorch_lightning.loggers import TensorBoardLogger

        for old in (record.folder / "tensorboard").glob("events.out.tfevents.*"):
            old.unlink()
        logger = TensorBoardLogger(record.folder, name="", version="tensorboard", default_hp_metric=False)
        shown = {name: value for name, value in record.figures.items() if name.startswith("macro/")}
        logger.log_hyperparams(_parameters(record), metrics=shown, step=0)
        logger.log_metrics({k: v for k, v in record.figures.items() if k not in shown}, step=0)
        for path in record.pictures:
            with Image.open(path, formats=("PNG",)) as image:
                pixels = np.asarray(image.convert("RGB"))
            logger.experiment.add_image(f"{PICTURES}/{path.stem}", pixels, 0, dataformats="HWC")
        logger.finalize("success")


class MlflowTracker:
    """A run in an MLflow store: parameters, metrics, and as artifacts the result's files and pictures.

    Args:
        store: a folder, or the URI of a tracking server or data base.
        experiment: which the run belongs to.
    """

    def __init__(self, store: str = "outputs/mlruns", experiment: str = "adshift") -> None:
        self.store = store
        self.experiment = experiment

    def require(self) -> None:
        """Needs the package mlflow or mlflow-skinny; a data base needs the whole one."""
        _require("mlflow", "mlflow")
        if self.store.partition(":")[0].partition("+")[0] in DATABASES and find_spec("sqlalchemy") is None:
            raise AdshiftError(
                f"logger.store={self.store} is a data base, which mlflow-skinny cannot write; pip install mlflow, "
                "or give a folder or a server"
            )

    def log(self, record: Record) -> None:
        """Add a run."""
        from pytorch_lightning.loggers import MLFlowLogger

        local = "://" not in self.store
        uri = Path(self.store).resolve().as_uri() if local else self.store
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        for name in ("pytorch_lightning.loggers.mlflow", "mlflow"):
            logging.getLogger(name).setLevel(logging.ERROR)
        with _alone(Path(self.store)) if local else nullcontext():
            logger = MLFlowLogger(self.experiment, run_name=record.name, tracking_uri=uri)
            _begin(logger, self.store)
        logger.log_hyperparams(_parameters(record))
        logger.log_metrics(record.figures, step=0)
        for path in record.files:
            logger.experiment.log_artifact(logger.run_id, str(path))
        for path in record.pictures:
            logger.experiment.log_artifact(logger.run_id, str(path), PICTURES)
        logger.finalize("success")


class WandbTracker:
    """A wandb run in the run's folder; offline nothing leaves the machine.

    Args:
        project: which the run belongs to.
        offline: False sends it to wandb's server.
    """

    def __init__(self, project: str = "adshift", offline: bool = True) -> None:
        self.project = project
        self.offline = offline

    def require(self) -> None:
        """Needs the package wandb."""
        _require("wandb", "wandb")

    def log(self, record: Record) -> None:
        """Add a run."""
        import wandb
        from pytorch_lightning.loggers import WandbLogger

        settings = wandb.Settings(
            console="off", disable_git=True, save_code=False, silent=True, x_disable_meta=True, x_disable_stats=True
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logger = WandbLogger(
                name=record.name, save_dir=record.folder, project=self.project, offline=self.offline, settings=settings
            )
        logger.log_hyperparams(_parameters(record))
        logger.log_metrics(record.figures)
        if record.pictures:
            names = [path.stem for path in record.pictures]
            logger.log_image(PICTURES, [str(path) for path in record.pictures], caption=names)
        logger.finalize("success")
        logger.experiment.finish()
        wandb.teardown()  # waits until the file is whole: finish alone may return before it is written


def _begin(logger: Any, store: str) -> None:
    """Make the experiment, where there is none yet, and the run; raises AdshiftError where no server answers."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import ConnectionError as NotConnected

    try:
        try:
            logger.run_id  # noqa: B018
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            logger.run_id  # noqa: B018  # another process made the experiment after this one had looked for it
    except MlflowException as error:
        if isinstance(error.__cause__ or error.__context__, NotConnected):
            raise AdshiftError(f"no MLflow server answers at logger.store={store}") from error
        raise


@contextmanager
def _alone(store: Path) -> Iterator[None]:
    """Hold a folder's lock: MLflow's files have none, and two cells that end together would each make the experiment."""
    store.mkdir(parents=True, exist_ok=True)
    with (store / ".lock").open("w") as handle:
        with or_without(store):
            lock(handle, what=f"the tracker's folder {store}")
        yield
