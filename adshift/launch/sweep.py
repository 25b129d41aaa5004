"""Sweeps that survive: a finished cell is not done again, a failing one does not stop the others, and both are told."""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from adshift.allocator import keep_freed_memory
from adshift.config.build import plain
from adshift.errors import AdshiftError
from adshift.launch.arguments import as_written
from adshift.launch.cli import TRACEBACK, ends_in_one_line, is_the_users, one_line, refuse_additions
from adshift.launch.folders import refuse_the_run_itself
from adshift.results.files import RESULT
from adshift.results.plain_json import config_of, read_json
from adshift.system.atomic import only_one, write_text
from adshift.system.exit_status import USER_ERROR
from adshift.system.resources import take_share
from adshift.system.spinning import ProcessorUse, spin_little_among_others
from adshift.system.terminal import say, tell

FAILURE = "failure.json"
UNIMPORTANT = ("force", "logger", "objective", "store", "study")
"""Keys that change no figure; a cell that differs in them alone is the same cell."""
STARTED = ProcessorUse.now()
"""Here, as this is imported when a program starts: what others do until its job begins says whether they are busy."""


def is_finished(folder: Path, config: dict[str, Any]) -> bool:
    """Whether ``folder`` holds the result of this very configuration."""
    stored = config_of(folder)
    if stored is None:
        return False
    wanted = {k: v for k, v in json.loads(json.dumps(config)).items() if k not in UNIMPORTANT}
    return {k: v for k, v in stored.items() if k not in UNIMPORTANT} == wanted


def _already_done(config: DictConfig, folder: Path) -> bool:
    if "force" not in config:  # an evaluation: cheap, and its run may have been fitted anew since
        return False
    if config.force or not is_finished(folder, plain(config)):
        return False
    say(f"finished already: {folder} (force=true does it again)")
    return True


def run_cell(job: Callable[[DictConfig], Any], config: DictConfig) -> float | None:
    """Run one cell unless its result stands; one line tells a mistake of the user's.

    Alone, a mistake ends the program with status 2. In a sweep an error ends the cell, not the sweep: its reason goes
    to failure.json in the cell's folder, and ``SweepSummary`` lists it at the end.

    Returns:
        What ``objective`` names, for Hydra's sweepers: not a number where it is undefined or the cell failed; None where
        the program has no such key.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    keep_freed_memory()
    spin_little_among_others(STARTED)
    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    sweeping = hydra.mode == RunMode.MULTIRUN
    try:
        refuse_additions()
        refuse_the_run_itself(config, folder)
        if not _already_done(config, folder):
            if sweeping:
                launcher = OmegaConf.to_container(hydra.launcher, resolve=True)
                take_share(cast(dict[str, Any], launcher), Path(hydra.runtime.cwd, hydra.sweep.dir))
            with only_one(folder):
                if not _already_done(config, folder):  # another process may have, while this one waited
                    job(config)
        (folder / FAILURE).unlink(missing_ok=True)
    except Exception as error:
        unexpected = os.environ.get(TRACEBACK) == "1" or not is_the_users(error)
        if not sweeping and unexpected:
            raise
        if unexpected:
            traceback.print_exc()
        tell(f"adshift: {one_line(error)}")
        if not sweeping:
            sys.exit(USER_ERROR)
        told = {"job": list(hydra.overrides.task), "reason": one_line(error) or type(error).__name__}
        write_text(folder / FAILURE, json.dumps(told) + "\n")
        return math.nan if "objective" in config else None
    return _objective(config, folder) if "objective" in config else None


def _objective(config: DictConfig, folder: Path) -> float:
    """Of the finished cell in a folder."""
    from adshift.results.objective import Objective

    metrics = read_json(folder / RESULT, "run the cell again")["metrics"]
    return Objective.named(config.objective, list(metrics["categories"])).of(metrics)


def _refuse_swept(overrides: list[str]) -> None:
    """``study.categories=a,b`` would sweep that key itself, after the cells were named after its default."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    for override in OverridesParser.create().parse_overrides(overrides):
        if (override.key_or_group or "").startswith("study.") and override.is_sweep_override():
            key, _, value = str(override.input_line).partition("=")
            raise AdshiftError(
                f"{key}={value} says what to sweep and cannot be swept itself: the cells would be those of its default; "
                f"quote the list twice: {key}=\"'{value}'\""
            )


def _failures(folder: Path) -> dict[Path, int]:
    """Every failure.json below a folder, and when it was written."""
    return {path: path.stat().st_mtime_ns for path in sorted(folder.glob(f"**/{FAILURE}"))}


def list_failures(folder: Path, before: Mapping[Path, int] | None = None) -> int:
    """Tell the failure.json below a sweep's folder, but for those of ``before``; returns how many there are."""
    failures = [path for path, written in _failures(folder).items() if (before or {}).get(path) != written]
    if failures:
        tell(f"\n{len(failures)} cells failed:")
    for path in failures:
        told = json.loads(path.read_text(encoding="utf-8"))
        tell(f"  {path.parent}: {told['reason']} ({' '.join(told['job'])})")
    return len(failures)


class SweepSummary(Callback):
    """Lists a sweep's failed cells when all jobs have ended, and gives the exit status 1 if there are any.

    A sweep whose overrides would give other cells than they say is refused before its first job, with status 2.
    """

    def __init__(self) -> None:
        self._before: dict[Path, int] = {}

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Hydra turns what a callback raises into a warning, so the program ends here."""
        with ends_in_one_line():
            _refuse_swept(as_written(config.hydra.overrides.task))
        self._before = _failures(Path(config.hydra.sweep.dir))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Read what failed below the sweep's folder since it began."""
        if list_failures(Path(config.hydra.sweep.dir), self._before):
            raise SystemExit(1)
