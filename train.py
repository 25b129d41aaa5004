"""Fit, calibrate and test one cell of the grid: ``python train.py method=patchcore data=carpet domain=shift``."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from adshift.launch.cli import launch
from adshift.launch.sweep import run_cell


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(config: DictConfig) -> float | None:
    """One job; returns the figure that ``objective`` names."""
    return run_cell(_job, config)


def _job(config: DictConfig) -> None:
    """The heavy imports wait until the configuration stands and the cell is known to be unfinished."""
    from adshift.run.train import train

    train(config)


if __name__ == "__main__":
    launch(main)
