"""Files that are either whole or not there, and folders that one process works in at a time."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adshift.system.locks import lock, or_without
from adshift.system.terminal import tell
from adshift.system.writing import writing

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
    """A temporary sibling to write to; when the block ends well it is synced and renamed to ``path``, else removed.

    Its permissions are those that the umask leaves.

    Raises:
        RefusedError: the disk is full or read-only.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{PARTIAL}{uuid.uuid4().hex}{path.suffix}")
        partial.open("xb").close()
        try:
            yield partial
            with partial.open("rb+") as written:
                os.fsync(written.fileno())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")
