"""What a stage's outcome depends on, as the parts of its key in the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import torch

from adshift.data.pasted import Pasted
from adshift.data.samples import Sample
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
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


def sample_list(root: Path, samples: Sequence[Sample]) -> list[list[Any]]:
    """What identifies images on disk: where they lie, what is known of them, and each file's size and time of change.

    Raises:
        AdshiftError: a file has vanished.
    """

    def stats(path: str | None) -> list[int] | None:
        if path is None:
            return None
        try:
            found = (root / path).stat()
        except OSError as error:
            raise AdshiftError(
                f"{root / path} cannot be read any more ({error.strerror}); restore it, or run again without it"
            ) from error
        return [found.st_size, found.st_mtime_ns]

    def drawn(pasted: Pasted | None) -> dict[str, Any] | None:
        return None if pasted is None else asdict(pasted)

    return [
        [s.path, s.category, s.defect, s.mask, s.mask_over, stats(s.path), stats(s.mask), drawn(s.pasted)]
        for s in samples
    ]


def domain_parts(domain: Domain) -> dict[str, Any] | None:
    """What a domain does to images; None for every domain that leaves them as they are, whatever its name and seed."""
    if domain.is_identity:
        return None
    own = {name: value for name, value in vars(domain).items() if name not in ("name", "before")}
    return own if domain.before is None else {**own, "before": domain_parts(domain.before)}
