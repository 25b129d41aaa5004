"""A watch in this process, with the keys of conf/watch.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from adshift.watch.job import watched

REPO = Path(__file__).resolve().parents[1]


def watch(run: Path, source: Path, out: Path, **keys: Any) -> None:
    """Judge all of a folder into ``out`` (``once=true``); ``keys`` are those of conf/watch.yaml that are not its own."""
    config = OmegaConf.load(REPO / "conf" / "watch.yaml")
    del config["hydra"]
    merged = OmegaConf.merge(config, {"run": str(run), "source": str(source), "once": True, **keys})
    chosen = OmegaConf.to_container(merged, resolve=True)
    assert isinstance(chosen, dict)
    watched({str(key): value for key, value in chosen.items()}, out)
