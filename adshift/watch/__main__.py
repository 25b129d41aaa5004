"""Watch the line: ``python -m adshift.watch run=RUN source=FOLDER``."""

from __future__ import annotations

from pathlib import Path

import hydra
from omegaconf import DictConfig

from adshift.launch.cli import launch
from adshift.launch.sweep import run_cell

CONF = str(Path(__file__).resolve().parents[2] / "conf")


@hydra.main(version_base="1.3", config_path=CONF, config_name="watch")
def main(config: DictConfig) -> None:
    """One job."""
    run_cell(_job, config)


def _job(config: DictConfig) -> None:
    """The heavy imports wait until the configuration stands."""
    from adshift.config.build import plain
    from adshift.results.read import read_result
    from adshift.system.spinning import spin_little
    from adshift.watch.plan import make_watch_plan

    spin_little()  # it runs for weeks: nobody knows beside what
    read_result(make_watch_plan(plain(config)).run)
    from adshift.watch.job import watch

    watch(config)


if __name__ == "__main__":
    launch(main)
