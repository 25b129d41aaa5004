"""Files that are either whole or not there, and folders that one process works in at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adshift.system.locks import lock, or_without
from adshift.system.terminal import tell

PARTIAL = ".partial-"
LOCK = ".lock"


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold a folder for this process: a second one waits and says so. What killed processes left half-written goes.

    Where the file system has no locks, the folder is not held, which stderr tells, and what lies there half-written
    stays: another process may be writing it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as handle:
        with or_without(folder):
            try:
                lock(handle, wait=False)
            except BlockingIOError:
                tell(f"adshift: another process works in {folder}; waiting for it")
                lock(handle)
            for left in folder.glob(f"{PARTIAL}*"):
                left.unlink(missing_ok=True)
        yield


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary sibling to write to; when the block ends well it is synced and renamed to ``path``, else removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=PARTIAL, suffix=path.suffix)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.chmod(0o644)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")
