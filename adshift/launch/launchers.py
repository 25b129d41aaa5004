"""Hydra's launcher plugins, set so that they suit cells that fill a machine, and their mistakes told."""

from __future__ import annotations

import re
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from adshift.launch.arguments import as_written
from adshift.system.resources import JOBLIB, LOCAL, cells_at_once, cores, gpus

A_WEEK = 7 * 24 * 60


class LauncherDefaults(Callback):
    """Before a sweep starts, fills in what the user left to the launcher's plugin and the plugin sets otherwise."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Set the values, and note them as overrides: each cell is composed anew from these, in its own process."""
        told = {override.lstrip("+").partition("=")[0] for override in as_written(config.hydra.overrides.hydra)}
        for name, value in defaults_of(config.hydra.launcher["_target_"]).items():
            key = f"hydra.launcher.{name}"
            if key not in told:
                OmegaConf.update(config, key, value)
                config.hydra.overrides.hydra.append(f"{key}={value}")


def defaults_of(target: str) -> dict[str, int]:
    """Keys of ``hydra.launcher`` and their values for the launcher whose class is ``target``.

    joblib would run a cell for every core, whatever the memory, and hand out cells by the dozen once it has met some
    that are finished and take no time. submitit sends all cells off at once, where they wait for a place, and waiting
    counts as running; it hides the GPUs that it is not told of.
    """
    at_once = cells_at_once(cores(), len(gpus())) if target in (JOBLIB, LOCAL) else 1
    if target == JOBLIB:
        return {"n_jobs": at_once, "batch_size": 1}
    if target == LOCAL:
        return {"cpus_per_task": cores() // at_once, "gpus_per_node": len(gpus()), "timeout_min": A_WEEK}
    return {}


def launcher_failure(error: Exception) -> str | None:
    """One line for an error that a launcher's plugin raised (no such cluster, a cell that was killed); else None."""
    frame = error.__traceback__
    while frame is not None:
        if re.match(r"hydra_plugins\.\w+_launcher\.", frame.tb_frame.f_globals.get("__name__", "")):
            reason = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
            return (
                f"the launcher failed, {type(error).__name__}: {reason}; look at hydra.launcher.*, then start the sweep "
                "again: finished cells stay"
            )
        frame = frame.tb_next
    return None
