"""What a stage's outcome depends on, as the parts of its key in the store."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import torch

from adshift.system.provenance import package_versions

PACKAGE = Path(__file__).resolve().parents[1]
IMAGES = ("data", "shift")
CORRECTIONS = (*IMAGES, "adaptation", "correction")
VIEWED = ("views.py",)
EMBEDDINGS = (*IMAGES, "features", "methods")
FIT = (*EMBEDDINGS, "embedding.py", "training.py")
NEIGHBOURS = (*EMBEDDINGS, "embedding.py", "bank_search.py")
SCORES = (*NEIGHBOURS, "matching.py", "scoring.py", *VIEWED)


@cache
def code_version(parts: tuple[str, ...], package: Path = PACKAGE) -> str:
    """SHA-256 over the sources of some modules, and of all that lie right in some folders: any edit is another version."""
    files = sorted(
        {f for part in parts for f in ([package / part] if part.endswith(".py") else (package / part).glob("*.py"))}
    )
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def _packages() -> dict[str, str]:
    return package_versions()


def code(parts: tuple[str, ...]) -> dict[str, Any]:
    """The part of a key that stands for the code: this package's sources and the installed versions of the others."""
    return {"code": code_version(parts), "packages": _packages()}


def device_kind(device: torch.device) -> str:
    """The kind of device that did the sums: each rounds in its own way, and so do processors with other instructions."""
    if device.type == "cuda":
        return f"cuda {torch.cuda.get_device_name(device)}"
    return f"{device.type} {torch.backends.cpu.get_cpu_capability()}"
