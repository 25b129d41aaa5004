"""What a cell may use of its machine when a launcher runs several cells there at the same time: cores and a GPU.

Each of N cells on C cores gets max(1, C // N) threads and, where there are GPUs, one of them. Left alone, every cell
would start C threads and take the first GPU, and N cells would be slower together than one after the other. Slurm and
Ray hand out cores and GPUs themselves; there a cell takes the threads it was given.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from adshift.errors import AdshiftError
from adshift.system.locks import lock

CORES = "ADSHIFT_CORES"
"""Environment variable: the cores of this cell, once they have been divided."""
GPUS = "CUDA_VISIBLE_DEVICES"
SLURM_CORES = "SLURM_CPUS_ON_NODE"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
JOBLIB, LOCAL, SLURM, RAY = (
    f"hydra_plugins.hydra_{module}"
    for module in (
        "joblib_launcher.joblib_launcher.JoblibLauncher",
        "submitit_launcher.submitit_launcher.LocalLauncher",
        "submitit_launcher.submitit_launcher.SlurmLauncher",
        "ray_launcher.ray_launcher.RayLauncher",
    )
)


@dataclass(frozen=True)
class Division:
    """How a launcher's cells share a machine.

    Attributes:
        threads: of each cell, >= 1.
        places: cells that run at once, >= 1; a further one waits. None where a scheduler sees to that, and to the GPUs.
    """

    threads: int
    places: int | None


def cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def gpus() -> tuple[str, ...]:
    """The CUDA devices, as CUDA_VISIBLE_DEVICES names them; asked once, before a cell is given one of them."""
    named = os.environ.get(GPUS)
    if named is not None:
        return tuple(name.strip() for name in named.split(",") if name.strip())
    import torch

    return tuple(str(number) for number in range(torch.cuda.device_count()))


def cells_at_once(n_cores: int, n_gpus: int) -> int:
    """How many cells to run at once where nobody says: two a GPU, or one for every four cores but at least two.

    Memory is the bound that this cannot see: a cell takes some 1 to 3 GB.
    """
    return min(n_cores, 2 * n_gpus if n_gpus else max(2, n_cores // 4))


def divide_machine(launcher: Mapping[str, Any], n_cores: int) -> Division | None:
    """The division under a launcher; None where cells run one after the other and have the machine to themselves.

    Args:
        launcher: the node ``hydra.launcher``, resolved.
        n_cores: cores of the machine.
    """
    target = launcher["_target_"]
    if target == JOBLIB:
        wanted = int(launcher["n_jobs"])
        places = wanted if wanted > 0 else max(1, n_cores + 1 + wanted)  # joblib's reading: -1 is every core
        return Division(max(1, n_cores // places), places)
    if target == LOCAL:
        threads = min(int(launcher["cpus_per_task"] or n_cores), n_cores)
        return Division(threads, max(1, n_cores // threads))
    if target == SLURM:
        return Division(int(launcher["cpus_per_task"] or os.environ.get(SLURM_CORES, 1)), None)
    if target == RAY:
        return Division(max(1, int(launcher["ray"]["remote"].get("num_cpus", 1))), None)
    return None


def take_share(launcher: Mapping[str, Any], sweep_folder: Path) -> None:
    """Wait for a place among the cells of this sweep, then keep to its threads and its GPU until the process ends.

    A worker that runs several cells keeps its place. Nothing happens under Hydra's basic launcher.

    Args:
        launcher: the node ``hydra.launcher``, resolved.
        sweep_folder: the sweep's folder; the places are locked files in it.

    Raises:
        AdshiftError: the folder cannot hold locks.
    """
    division = divide_machine(launcher, cores())
    if division is None:
        return
    if division.places is not None:
        seen = gpus()
        place, _ = _place(sweep_folder, division.places)
        if len(seen) > 1:
            os.environ[GPUS] = seen[place % len(seen)]
    _limit_threads(division.threads)
    if launcher["_target_"] == JOBLIB:  # its workers start processes in a way of their own, and DataLoader's are none
        multiprocessing.set_start_method(None, force=True)


def data_workers(wanted: int) -> int:
    """``wanted`` processes that decode images, but no more than the cores of this cell."""
    return min(wanted, int(os.environ.get(CORES, wanted)))


@functools.cache
def _place(folder: Path, places: int) -> tuple[int, IO[str]]:
    """A number in [0, places) that no other process has until this one ends, with the locked file that says so."""
    folder = folder / ".places"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            for number in range(places):
                handle = (folder / str(number)).open("a")
                try:
                    lock(handle, wait=False)
                except BlockingIOError:
                    handle.close()
                else:
                    return number, handle
            time.sleep(0.2)
    except OSError as error:
        raise AdshiftError(
            f"hydra.sweep.dir={folder.parent} cannot hold locks ({error.strerror}); choose a folder on a local disk, or "
            "leave hydra/launcher out"
        ) from error


def _limit_threads(threads: int) -> None:
    """For libraries that are loaded already and for those to come; a limit that the user set stays where it is lower."""
    from threadpoolctl import threadpool_limits

    told = os.environ.get(THREADS[0], "").split(",")[0]
    threads = min(threads, int(told)) if told.isdigit() and int(told) > 0 else threads
    os.environ.update(dict.fromkeys((CORES, *THREADS), str(threads)))
    threadpool_limits(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
