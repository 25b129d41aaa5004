"""A real Slurm of one node, without accounts, started for a test and ended by its pid files."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

COMMANDS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel")
CONF = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=tests Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def need_slurm() -> None:
    """Skip where Slurm is not installed."""
    path = os.environ["PATH"] + os.pathsep + "/usr/sbin"
    missing = [name for name in COMMANDS if shutil.which(name, path=path) is None]
    if missing:
        pytest.skip(f"no real Slurm here ({', '.join(missing)}): apt-get install slurm-wlm munge brings it")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait(what: str, seconds: float, done: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"Slurm: {what} after {seconds} s")
        time.sleep(0.1)


@contextmanager
def one_node(folder: Path, cpus: int) -> Iterator[dict[str, str]]:
    """Start munged, slurmctld and slurmd; gives the variables of the environment that lead to them, and ends them.

    Args:
        folder: with a short path, as sockets want it; all that the daemons write lies in it.
        cpus: that the node offers.
    """
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    conf = folder / "slurm.conf"
    conf.write_text(
        CONF.format(
            host=socket.gethostname().partition(".")[0], port=_free_port(), node_port=_free_port(),
            user=getpass.getuser(), folder=folder, cpus=cpus,
        )
    )  # fmt: skip
    variables = {"SLURM_CONF": str(conf), "PATH": os.environ["PATH"] + os.pathsep + "/usr/sbin"}
    environment = {**os.environ, **variables}
    places = {name: f"--{name}={folder}/munge.{name.partition('-')[0]}" for name in ("pid-file", "socket", "log-file")}
    munged = ["munged", "--force", f"--key-file={key}", f"--seed-file={folder}/munge.seed", *places.values()]

    def told(command: list[str]) -> str:
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60).stdout.strip()

    try:
        for command in (munged, ["slurmctld"], ["slurmd"]):
            subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
        _wait("no node", 60, lambda: told(["sinfo", "--noheader", "--format=%T"]) in ("idle", "mixed"))
        try:
            yield variables
        finally:  # each job has processes, which would outlive the daemons
            subprocess.run(["scancel", f"--user={os.getuid()}"], env=environment, timeout=60)
            _wait("jobs do not end", 60, lambda: not told(["squeue", "--noheader"]))
    finally:
        for name in ("slurmd", "slurmctld", "munge"):
            _end(folder / f"{name}.pid")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _end(pid_file: Path) -> None:
    """End the daemon that wrote a pid file, if it did."""
    if not pid_file.exists() or not pid_file.read_text().strip():
        return
    pid = int(pid_file.read_text())
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + 10
        while _runs(pid) and time.monotonic() < end:
            time.sleep(0.1)
        if _runs(pid):
            os.kill(pid, signal.SIGKILL)


def pid_of(index: int, variables: dict[str, str]) -> int | None:
    """The process that runs a cell of an array job on this very Slurm; None while there is none."""
    wanted = {f"SLURM_CONF={variables['SLURM_CONF']}", f"SLURM_ARRAY_TASK_ID={index}", "SLURM_PROCID=0"}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and b"submitit.core._submit" in (entry / "cmdline").read_bytes():
                held = set((entry / "environ").read_bytes().decode(errors="replace").split("\0"))
                if wanted <= held and b"srun" not in (entry / "cmdline").read_bytes().split(b"\0")[0]:
                    return int(entry.name)
    return None
