"""Folders that something is made in before it is put in place, whole."""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from adshift.system.locks import lock
from adshift.system.writing import writing

OLD = 60.0
"""Seconds: a folder that is younger may be one whose maker has not locked it yet."""


@contextmanager
def scratch_folder(place: Path, name: str) -> Iterator[Path]:
    """An empty hidden folder in ``place``, gone when the block ends unless it was renamed.

    What killed processes left of this name goes first: folders called as these are that nobody holds, older than ``OLD``.
    Where the file system has no locks on folders they stay: somebody may be at work in them.

    Raises:
        RefusedError: the disk is full or read-only.
    """
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
        _remove_left(place, name)
        scratch = place / f".{name}.{uuid.uuid4().hex}"
        scratch.mkdir()
        handle = os.open(scratch, os.O_RDONLY)
        try:
            with suppress(OSError):
                lock(handle, wait=False)
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            os.close(handle)


def _remove_left(place: Path, name: str) -> None:
    ours = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{32}}")
    for entry in sorted(place.iterdir()):
        if not ours.fullmatch(entry.name) or entry.is_symlink():
            continue
        with suppress(OSError):  # it went, or is held
            handle = os.open(entry, os.O_RDONLY)
            try:
                if time.time() - os.fstat(handle).st_mtime > OLD:
                    lock(handle, wait=False)
                    shutil.rmtree(entry, ignore_errors=True)
            finally:
                os.close(handle)
