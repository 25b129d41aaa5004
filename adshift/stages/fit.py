"""Lightning's trainer, set up for a fit that is one pass over the train images."""

from __future__ import annotations

import json
import logging
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.exceptions import MisconfigurationException  # type: ignore[attr-defined]

from adshift.data.chain import chain
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.prepared import TIMING, PreparedImages
from adshift.errors import AdshiftError
from adshift.methods.module import AnomalyModule
from adshift.stages.embedding import embed_images
from adshift.store.keys import code, device_kind
from adshift.store.sources import sources
from adshift.store.store import AnyStore, Key, Make
from adshift.system.atomic import atomic_path

T = TypeVar("T")
MODEL = "model.ckpt"


def make_trainer(accelerator: str, devices: Any) -> pl.Trainer:
    """A trainer for one epoch on one device, without loggers or automatic checkpoints.

    Raises:
        AdshiftError: the accelerator is not there, or more than one device is asked for.
    """
    if devices not in ("auto", 1, "1"):
        raise AdshiftError(f"trainer.devices={devices} must be auto or 1: a fit holds one memory bank on one device")
    _quieten()
    try:
        return pl.Trainer(
            accelerator=accelerator,
            devices=1,
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
        )
    except (MisconfigurationException, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise AdshiftError(f"trainer.accelerator={accelerator} is not to be had ({reason}); use auto or cpu") from error


def _quieten() -> None:
    """Silence what the libraries say about every run and no user can act on; errors stay."""
    lightning = ("pytorch_lightning", "lightning.pytorch")  # anomalib imports the second, which then speaks for both
    for name in (*lightning, *(f"{n}.utilities.rank_zero" for n in lightning), "faiss.loader"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        "does not have many workers",
        "predict returned None",
        "configure_optimizers",
        "in eval mode at the start",
        "`srun` command is available on your system but is not used",  # said wherever Slurm is installed
    ):
        warnings.filterwarnings("ignore", message=f".*{message}.*")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")


def fit(
    trainer: pl.Trainer, module: AnomalyModule, datamodule: AnomalyDataModule, checkpoint: Path | None = None
) -> dict[str, float]:
    """Fit, or take the model from the store where the same fit was done before; leaves its checkpoint where wanted.

    Returns:
        Seconds that the stages took when they were done: ``load``, ``embed``, the method's own, and ``fit``, their sum.
    """
    images = datamodule.train_images()
    key = {
        "images": [part.key for part in images],
        "settings": module.settings,
        **_surroundings(trainer, module, datamodule),
    }

    def make(folder: Path, _: Path | None) -> None:
        timing = _fit(trainer, module, datamodule, images)
        trainer.save_checkpoint(folder / MODEL)  # told to: no optimiser steps, so Lightning would save nothing
        (folder / TIMING).write_text(json.dumps(timing))

    def read(folder: Path) -> dict[str, float]:
        stored = torch.load(folder / MODEL, map_location="cpu", weights_only=True)
        module.load_state_dict(stored["state_dict"])
        if checkpoint is not None:
            with atomic_path(checkpoint) as partial:
                shutil.copyfile(folder / MODEL, partial)
        timing: dict[str, float] = json.loads((folder / TIMING).read_text())
        return timing

    return datamodule.store.fetch("models", key, make, read)


def _surroundings(trainer: pl.Trainer, module: AnomalyModule, datamodule: AnomalyDataModule) -> dict[str, Any]:
    return {
        "embedding": module.method.embedding_settings(),
        "batch_size": datamodule.batch_size,
        "device": device_kind(trainer.strategy.root_device),
        **code(__name__, *sources(module.method, module.method.backbone)),
    }


def _fit(
    trainer: pl.Trainer, module: AnomalyModule, datamodule: AnomalyDataModule, images: Sequence[PreparedImages]
) -> dict[str, float]:
    """One epoch over the train images, or over their embeddings where those are worth keeping."""
    seconds = {"load": sum(part.seconds for part in images)}
    batch_size = datamodule.batch_size
    if module.method.shares_embedding:
        parts = [embed_images(datamodule.store, trainer, module, part, batch_size) for part in images]
        seconds["embed"] = sum(part.seconds for part in parts)
        module.scope = _Scope(datamodule.store, [part.key for part in parts])
        trainer.fit(module, chain([part.whole() for part in parts]))
        module.scope = None
    else:
        trainer.fit(module, chain([part.loader(batch_size) for part in images]))
    for stage, spent in module.timing.items():
        seconds[stage] = seconds.get(stage, 0.0) + spent
    return {**seconds, "fit": sum(seconds.values())}


@dataclass(frozen=True)
class _Scope:
    """The store, for what depends on certain train embeddings."""

    store: AnyStore
    embeddings: list[Key]

    def fetch(
        self,
        kind: str,
        key: Key,
        make: Make,
        read: Callable[[Path], T],
        enough: Callable[[Path], bool] = lambda _: True,
    ) -> T:
        return self.store.fetch(kind, {"embeddings": self.embeddings, **key}, make, read, enough)
