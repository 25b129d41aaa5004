"""Where a benchmark ran: processor, memory, versions, commit, and how busy the machine was when it began."""

import os
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "numpy", "faiss-cpu", "faiss-gpu", "anomalib", "scikit-learn", "pytorch-lightning")
WORTH_NAMING = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "asimd", "bf16")


def processor() -> tuple[str, list[str]]:
    """The model's name, and those of its instruction sets that matter here."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine(), []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    found = {key.strip(): value.strip() for key, value in fields.items()}
    flags = set(found.get("flags", found.get("Features", "")).split())
    return found.get("model name", platform.machine()), [flag for flag in WORTH_NAMING if flag in flags]


def memory_gib() -> float | None:
    """Main memory, 2^30 bytes."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (ValueError, OSError):
        return None


def versions() -> dict[str, str]:
    """Installed versions of what is compared."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def describe() -> dict[str, Any]:
    """All of it, as JSON values."""
    from adshift.system.provenance import git_commit

    name, flags = processor()
    memory = memory_gib()
    return {
        "processor": name,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "instructions": flags,
        "memory_gib": None if memory is None else round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "versions": versions(),
        "commit": git_commit(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "date": time.strftime("%Y-%m-%d"),
    }
