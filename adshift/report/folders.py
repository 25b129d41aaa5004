"""Where the finished runs lie, and whether a report of them stands already. Nothing heavy is imported for that."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adshift.errors import AdshiftError
from adshift.results.files import RESULT
from adshift.store.sources import code_version
from adshift.system.atomic import write_text

PAGE = "index.html"
ROOTS = ("adshift.report.__main__", *(f"adshift.shift.{name}" for name in ("domain", "lighting", "named", "photos")))
"""The code that a report depends on: the program, and the domains that a run's configuration names."""
INPUTS = ".inputs"
"""In a report's folder: the fingerprint of what it was made from."""


def run_folders(roots: Sequence[Path]) -> list[Path]:
    """Every folder at or below ``roots`` that holds a result.json, in sorted order, each once; dot-folders are passed.

    Raises:
        AdshiftError: a root is no folder.
    """
    found: dict[Path, Path] = {}
    for root in roots:
        if not root.is_dir():
            raise AdshiftError(f"{root} is no folder; give the folders of finished runs, or folders above them")
        for folder, below, files in os.walk(root):
            below[:] = sorted(name for name in below if not name.startswith("."))
            if RESULT in files:
                found.setdefault(Path(folder).resolve(), Path(folder))
    return sorted(found.values(), key=str)


def fingerprint(roots: Sequence[Path], options: dict[str, Any]) -> str:
    """SHA-256 of what a report depends on: every file of its runs by size and time of change, options, and this code."""
    digest = hashlib.sha256(json.dumps(options, sort_keys=True, default=str).encode())
    for folder in run_folders(roots):
        for path in sorted(p for p in folder.iterdir() if p.is_file()):
            stat = path.stat()
            digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    digest.update(code_version(ROOTS).encode())
    assets = (
        path for path in Path(__file__).parent.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
    )
    for path in sorted(assets):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def stands(out: Path, inputs: str) -> bool:
    """Whether ``out`` holds the whole report of just these inputs."""
    try:
        return (out / INPUTS).read_text(encoding="utf-8").strip() == inputs and (out / PAGE).is_file()
    except OSError:
        return False


def remember(out: Path, inputs: str) -> None:
    """Note what the report in ``out`` was made from; to be called when it is whole."""
    write_text(out / INPUTS, inputs + "\n")
