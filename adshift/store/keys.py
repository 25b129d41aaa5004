"""What a stage's outcome depends on beside its input: code, installed packages and the kind of device."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from adshift.store.sources import code_version
from adshift.system.provenance import package_versions


@cache
def _packages() -> dict[str, str]:
    return package_versions()


def code(*roots: str) -> dict[str, Any]:
    """The part of a key that stands for the code of ``roots`` and the installed versions of other packages."""
    return {"code": code_version(tuple(sorted(set(roots)))), "packages": _packages()}


def device_kind(device: torch.device) -> str:
    """The kind of device that did the sums: each rounds in its own way, and so do processors with other instructions."""
    if device.type == "cuda":
        return f"cuda {torch.cuda.get_device_name(device)}"
    return f"{device.type} {torch.backends.cpu.get_cpu_capability()}"
