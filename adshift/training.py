"""Lightning's trainer, set up for a fit that is one pass over the train images."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities.exceptions import MisconfigurationException  # type: ignore[attr-defined]

from adshift.atomic import atomic_path
from adshift.data.datamodule import AnomalyDataModule
from adshift.errors import AdshiftError
from adshift.methods.module import AnomalyModule


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
    for message in ("does not have many workers", "configure_optimizers", "in eval mode at the start"):
        warnings.filterwarnings("ignore", message=f".*{message}.*")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")


def fit(
    trainer: pl.Trainer, module: AnomalyModule, datamodule: AnomalyDataModule, checkpoint: Path
) -> dict[str, float]:
    """Fit and save the checkpoint atomically; returns the seconds of the stages.

    No optimiser steps, so Lightning's own checkpointing would save nothing: it is told to.
    """
    trainer.fit(module, datamodule=datamodule)
    with atomic_path(checkpoint) as partial:
        trainer.save_checkpoint(partial)
    return dict(module.timing)
