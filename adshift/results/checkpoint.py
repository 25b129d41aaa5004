"""A checkpoint read from a run's folder: checked before any of it reaches the model."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.features.weights import Stateful, load_reason
from adshift.methods.method import Method
from adshift.results.files import BASE, CHECKPOINT
from adshift.system.atomic import atomic_path
from adshift.system.hashes import file_sha256

REMEDY = "fit the run again with train.py"
PREFIX = "method."
"""What Lightning puts before the names of the method's tensors."""


def base_checkpoint(run: Path) -> Path:
    """The model of a run as it was fitted."""
    return run / BASE if (run / BASE).is_file() else run / CHECKPOINT


def save_repaired(module: Stateful, base: Path, path: Path) -> None:
    """Write the checkpoint ``base`` with the tensors of a repaired module instead of its own."""
    stored: Any = torch.load(base, map_location="cpu", weights_only=True)
    stored["state_dict"] = module.state_dict()
    with atomic_path(path) as partial:
        torch.save(stored, buffer := io.BytesIO())  # torch itself tells no full disk from any other fault
        partial.write_bytes(buffer.getbuffer())


def recorded_sha256(result: dict[str, Any], name: str = "checkpoint_sha256") -> str | None:
    """What a run says of its checkpoint; runs of before this was written say nothing."""
    provenance = result.get("provenance")
    found = provenance.get(name) if isinstance(provenance, dict) else None
    return None if found is None else str(found)


def load_checkpoint(method: Method, path: Path, sha256: str | None = None) -> None:
    """Load what a fit saved into a method that was built from the same configuration.

    Nothing in the file is executed: tensors and plain containers alone are unpickled. Names, shapes, types and values are
    checked before the method sees any of them.

    Args:
        method: unfitted.
        path: the checkpoint.
        sha256: what the run's result.json says of the file; None where it says nothing.

    Raises:
        AdshiftError: the file is missing, broken, not the one that was recorded, or of another model.
    """
    if not path.is_file():
        raise AdshiftError(f"{path} does not exist; give the folder of a finished run")
    if sha256 is not None and file_sha256(path) != sha256:
        raise AdshiftError(
            f"{path} is not the file that the run's result.json was written with (its sha256 differs); {REMEDY}"
        )
    state = _read_state(path)
    problem = _mismatch(method.state_dict(), state) or method.misfit(state)
    if problem:
        raise AdshiftError(f"{path} does not belong to this configuration: {problem}; {REMEDY}")
    method.load_state_dict(state)


def _read_state(path: Path) -> dict[str, Tensor]:
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is cut short, or no checkpoint" if path.stat().st_size else "it is empty")
        with zipfile.ZipFile(path) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("it is compressed, and may unpack to any size")
        stored: Any = torch.load(path, map_location="cpu", weights_only=True)
        state = stored["state_dict"]
        if not all(isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()):
            raise ValueError("its state_dict holds more than named tensors")
    except Exception as error:  # whoever wrote the file chose what goes wrong
        raise AdshiftError(f"{path} cannot be loaded ({load_reason(error)}); {REMEDY}") from error
    return {name.removeprefix(PREFIX): value for name, value in state.items()}


def _mismatch(own: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> str:
    """How stored tensors differ from the method's own in name, type, shape or layout; empty where they do not.

    A tensor that is empty in an unfitted method takes its size from the file; ``Method.misfit`` looks at those.
    """
    for what, names in (("lacks", own.keys() - stored.keys()), ("has the unknown", stored.keys() - own.keys())):
        if names:
            return f"it {what} {min(names)}"
    for name, value in own.items():
        found = stored[name]
        if found.dtype != value.dtype or found.layout != value.layout:
            return f"{name} is {found.dtype} {found.layout}, not {value.dtype} {value.layout}"
        if value.numel() and found.shape != value.shape:
            return f"{name} has shape {tuple(found.shape)}, not {tuple(value.shape)}"
        if found.untyped_storage().nbytes() < found.numel() * found.element_size():  # a view may claim any size
            return f"{name} is not stored whole"
        if found.is_floating_point() and not torch.isfinite(found).all():
            return f"{name} holds NaN or infinite values"
    return ""
