"""Stress a finished run with good images alone: ``python -m adshift.stress run=DIR``."""

from __future__ import annotations

from pathlib import Path

import hydra
from omegaconf import DictConfig

from adshift.config.build import plain
from adshift.launch.cli import launch
from adshift.launch.sweep import run_cell

CONF = str(Path(__file__).resolve().parents[2] / "conf")


@hydra.main(version_base="1.3", config_path=CONF, config_name="stress")
def main(config: DictConfig) -> None:
    """One job."""
    run_cell(_job, config)


def _job(config: DictConfig) -> None:
    """The heavy imports wait until no mistake is left that could be told without them."""
    from adshift.stress.foresee import foresee

    foresee(plain(config))
    from adshift.stress.job import stress

    stress(config)


if __name__ == "__main__":
    launch(main)
