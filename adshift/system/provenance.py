"""Where a figure comes from: code, packages, device, weights, samples, seeds; and what it took in memory."""

from __future__ import annotations

import platform
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

PACKAGES = (
    "adshift", "torch", "torchvision", "pytorch-lightning", "hydra-core", "omegaconf", "anomalib", "timm", "torchmetrics",
    "numpy", "albumentations", "faiss-cpu", "faiss-gpu", "opencv-python-headless", "pillow",
)  # fmt: skip


@cache
def git_commit() -> str | None:
    """The commit that the code was checked out at, with ``-dirty`` where tracked files differ; None outside git.

    Asked once a process, which goes on with the code that it began with.
    """
    here = Path(__file__).resolve().parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=here, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()


def package_versions() -> dict[str, str]:
    """Installed versions of the packages that can change a figure, and Python's."""
    return {"python": platform.python_version(), **_installed()}


@cache
def _installed() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def device_name(device: torch.device) -> str:
    """``cuda: NAME`` or ``cpu: MACHINE``."""
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    return f"{device.type}: {platform.machine()}, {torch.get_num_threads()} threads"


def peak_memory() -> dict[str, Any]:
    """Peak resident set of this process and peak CUDA allocation, MB (1e6 bytes).

    The first is null on Windows, which does not count it in this way; CUDA is null without a device.
    """
    cuda = torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else None
    return {"peak_rss_mb": _peak_rss_mb(), "peak_cuda_mb": cuda}


def _peak_rss_mb() -> float | None:
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (peak if sys.platform == "darwin" else peak * 1024) / 1e6
