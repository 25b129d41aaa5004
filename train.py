"""Fit, calibrate and test one cell of the grid: ``python train.py method=patchcore data=carpet domain=shift``."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from adshift.cli import job, launch


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(config: DictConfig) -> None:
    """One job; the heavy imports wait until the configuration stands."""
    with job():
        from adshift.pipeline import train

        train(config)


if __name__ == "__main__":
    launch(main)
