"""What to do about photographs of a new lamp: ``python -m adshift.advise run=RUN domain.root=LAMP``."""

from __future__ import annotations

from pathlib import Path

import hydra
from omegaconf import DictConfig

from adshift.launch.cli import launch
from adshift.launch.sweep import run_cell

CONF = str(Path(__file__).resolve().parents[2] / "conf")


@hydra.main(version_base="1.3", config_path=CONF, config_name="advise")
def main(config: DictConfig) -> None:
    """One job."""
    run_cell(_job, config)


def _job(config: DictConfig) -> None:
    """The heavy imports wait until the configuration stands."""
    from adshift.advise.job import advise

    advise(config)


if __name__ == "__main__":
    launch(main)
