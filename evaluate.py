"""Score a finished run elsewhere, without a new fit: ``python evaluate.py run=DIR domain=shift adaptation=threshold``."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from adshift.cli import job, launch


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
def main(config: DictConfig) -> None:
    """One job; the heavy imports wait until the configuration stands."""
    with job():
        from adshift.rescore import evaluate

        evaluate(config)


if __name__ == "__main__":
    launch(main)
