"""A sweep on a Slurm cluster: a cell that Slurm ended without a result is noticed by ``squeue``, told, and ends the sweep.

submitit asks ``sacct``, which knows nothing where a cluster keeps no accounts (Debian's default): it would wait for a
killed cell for ever. ``squeue`` answers everywhere; it lists what waits and runs, and for some minutes what has ended.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict

from adshift.launch.sweep import FAILURE, list_failures
from adshift.system.atomic import write_text
from adshift.system.resources import SLURM
from adshift.system.terminal import tell

if TYPE_CHECKING:
    from submitit.core.utils import JobPaths

log = logging.getLogger(__name__)

ENDED = ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT")
"""States that a job does not leave. A job that is not listed has ended too, longer ago than Slurm remembers."""
FORGOTTEN = "no longer listed"
EVERY = 20
"""Seconds between two questions, at most."""
GRACE = 15
"""Seconds after its job's end in which a result may still appear: a shared folder shows files late."""
ASKING = 60
"""Seconds that ``squeue`` may take."""


class KilledCells(Callback):
    """Before a sweep on Slurm starts, has its cells watched; sweeps elsewhere are left alone."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Put the watch in the place of submitit's own."""
        if config.hydra.launcher["_target_"] == SLURM:
            from submitit.slurm.slurm import SlurmJob

            SlurmJob.watcher = watch(config.hydra.launcher.submitit_folder)


def states() -> dict[str, str] | None:
    """The user's jobs in Slurm, ``NUMBER`` or ``NUMBER_INDEX`` of an array, and their states; None without an answer."""
    command = ["squeue", "--noheader", "--array", "--states=all", f"--user={os.getuid()}", "--format=%i|%T"]
    try:
        told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=ASKING).stdout
    except (OSError, subprocess.SubprocessError) as error:
        reason = str(getattr(error, "stderr", None) or error).strip()
        log.warning("squeue gives no answer (%s); asked again every %d s", reason, EVERY)
        return None
    return dict(line.strip().split("|", 1) for line in told.splitlines() if "|" in line)


def end_of(job: str, listed: dict[str, str]) -> str | None:
    """How a job ended; None for one that has not.

    >>> [end_of("7_1", listed) for listed in ({"7_1": "RUNNING"}, {"7_1": "OUT_OF_MEMORY"}, {})]
    [None, 'OUT_OF_MEMORY', 'no longer listed']
    """
    state = listed.get(job, FORGOTTEN)
    return state if state in (*ENDED, FORGOTTEN) else None


def watch(folder: str) -> Any:
    """submitit's watcher of jobs whose files lie in ``folder``, asking ``squeue``.

    A job is done when its result is there, which submitit looks for itself. One that ended ``GRACE`` seconds ago and left
    none ends the program with status 1, after it was told as a failed cell, together with those that failed before.
    """
    from submitit.core.utils import JobPaths
    from submitit.slurm.slurm import SlurmInfoWatcher

    class Watcher(SlurmInfoWatcher):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(delay_s=EVERY)
            self._ended: dict[str, float] = {}

        def is_done(self, job_id: str, mode: str = "standard") -> bool:
            self.update_if_long_enough(mode)
            return False

        def update(self) -> None:
            listed, now = states(), time.monotonic()
            self._last_status_check = time.time()
            killed = []
            for job in sorted(self._registered - self._finished) if listed is not None else ():
                paths, end = JobPaths(folder, job), end_of(job, listed or {})
                if paths.result_pickle.exists() or not paths.submitted_pickle.exists():
                    self._finished.add(job)  # the second: an array's own number, which submitit registers too
                elif end is not None and now - self._ended.setdefault(job, now) >= GRACE:
                    killed.append((paths, end))
            if killed:
                end_sweep(killed)

    return Watcher()


def end_sweep(killed: Sequence[tuple[JobPaths, str]]) -> NoReturn:
    """Write the failures of cells that were killed into their folders, list all failed cells, and end the program.

    Args:
        killed: where submitit keeps what belongs to a cell's job, and how Slurm says that the job ended.

    Raises:
        SystemExit: status 1.
    """
    from submitit.core.utils import DelayedSubmission

    for paths, end in killed:
        submission = DelayedSubmission.load(paths.submitted_pickle)  # what this very process sent off
        launcher: Any = submission.function
        overrides, _, number, *_ = submission.args
        config = launcher.hydra_context.config_loader.load_sweep_config(launcher.config, overrides)
        folder = cell_folder(config, number)
        folder.mkdir(parents=True, exist_ok=True)
        reason = f"killed: job {paths.job_id} of Slurm ended without a result ({end}); see {paths.stderr}"
        write_text(folder / FAILURE, json.dumps({"job": list(overrides), "reason": reason}) + "\n")
    list_failures(Path(config.hydra.sweep.dir))
    tell(
        "adshift: the sweep ends here, cells that Slurm has begun or queued go on; give a killed one more with "
        "hydra.launcher.mem_gb or hydra.launcher.timeout_min, then start the sweep again: finished cells stay"
    )
    raise SystemExit(1)


def cell_folder(config: DictConfig, number: int) -> Path:
    """The folder of a sweep's cell, as Hydra names it."""
    from hydra.core.hydra_config import HydraConfig

    with open_dict(config.hydra.job):
        config.hydra.job.num = number
    HydraConfig.instance().set_config(config)  # names of folders may ask for the cell's choices
    return Path(config.hydra.sweep.dir, config.hydra.sweep.subdir)
