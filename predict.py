"""Take a finished run to new images: ``python predict.py run=DIR source=FILE|FOLDER|GLOB``."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from adshift.config.build import plain
from adshift.launch.cli import launch
from adshift.launch.sweep import run_cell


@hydra.main(version_base="1.3", config_path="conf", config_name="predict")
def main(config: DictConfig) -> None:
    """One job."""
    run_cell(_job, config)


def _job(config: DictConfig) -> None:
    """The heavy imports wait until no mistake is left that could be told without them."""
    from adshift.prediction.foresee import foresee

    foresee(plain(config))
    from adshift.prediction.job import predict

    predict(config)


if __name__ == "__main__":
    launch(main, short={"threshold": "threshold.value"})
