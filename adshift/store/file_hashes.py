"""SHA-256 of files that rarely change: each is read once, and remembered by what the file system says of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISREG

from adshift.errors import AdshiftError
from adshift.system.atomic import write_text
from adshift.system.hashes import file_sha256

Stamp = tuple[int, int, int, int]
"""Size, time of change, time of the inode's change (ns; no program can set it) and inode."""
SETTLED_NS = 2_000_000_000
"""Under two seconds after a change a clock of the file system may not tell another one from it: FAT's has such steps."""


class FileHashes:
    """Remembers for one job what it has seen, and in ``folder`` for others: a small file for each folder of files.

    A file is hashed again where its stamp is another one, and so is one that changed less than two seconds before it was
    hashed. What cannot be read or written in ``folder`` costs time alone.

    Args:
        folder: made when first used; None remembers for this job alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._seen: dict[Path, tuple[Stamp, str]] = {}

    def of(self, root: Path, names: Iterable[str]) -> dict[str, str]:
        """The hashes of files below ``root``, by their names there.

        Raises:
            AdshiftError: a file has vanished, is none, or has other bytes than when this job first asked for it.
        """
        by_folder: dict[Path, dict[str, Path]] = {}
        for name in names:
            path = root / name
            by_folder.setdefault(path.parent, {})[name] = path
        return {name: found for paths in by_folder.values() for name, found in self._of_folder(paths).items()}

    def _of_folder(self, paths: dict[str, Path]) -> dict[str, str]:
        stamps = {path: _stamp(path) for path in paths.values()}
        strange = [path for path, stamp in stamps.items() if self._seen.get(path, ("",))[0] != stamp]
        if strange:
            memory = self._memory(strange[0].parent)
            remembered = _rows(memory)
            learnt: dict[str, tuple[Stamp, str]] = {}
            for path in strange:
                known = remembered.get(path.name)
                if known is None or known[0] != stamps[path]:
                    started = time.time_ns()
                    known = (stamps[path], _hashed(path, stamps[path]))
                    if started - stamps[path][2] > SETTLED_NS:
                        learnt[path.name] = known
                self._see(path, known)
            if memory is not None and learnt:
                _remember(memory, strange[0].parent, {**remembered, **learnt})
        return {name: self._seen[path][1] for name, path in paths.items()}

    def _see(self, path: Path, known: tuple[Stamp, str]) -> None:
        if self._seen.setdefault(path, known)[1] != known[1]:
            raise AdshiftError(changed(path))
        self._seen[path] = known

    def _memory(self, folder: Path) -> Path | None:
        if self._folder is None:
            return None
        return self._folder / f"{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()}.json"


def changed(path: Path) -> str:
    """What is said of a file whose bytes are not those that this job has checked."""
    return f"{path} has changed since it was checked; run again when nothing writes there"


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError as error:
        raise AdshiftError(
            f"{path} cannot be read any more ({error.strerror}); restore it, or run again without it"
        ) from error
    if not S_ISREG(found.st_mode):
        raise AdshiftError(f"{path} is no regular file; replace or remove it")
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _hashed(path: Path, stamp: Stamp) -> str:
    try:
        found = file_sha256(path)
    except OSError as error:
        raise AdshiftError(f"{path} cannot be read ({error.strerror}); make it readable, or remove it") from error
    if _stamp(path) != stamp:
        raise AdshiftError(changed(path))
    return found


def _rows(memory: Path | None) -> dict[str, tuple[Stamp, str]]:
    """What was remembered; nothing where that is no more what was written."""
    if memory is None:
        return {}
    try:
        sha256, _, text = memory.read_text(encoding="utf-8").partition("\n")
        if hashlib.sha256(text.encode()).hexdigest() != sha256:
            return {}
        rows = json.loads(text)["files"]
        return {name: ((size, mtime, ctime, inode), found) for name, (size, mtime, ctime, inode, found) in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _remember(memory: Path, folder: Path, rows: dict[str, tuple[Stamp, str]]) -> None:
    with contextlib.suppress(OSError):
        there = set(os.listdir(folder))
        files = {name: [*stamp, found] for name, (stamp, found) in rows.items() if name in there}
        text = json.dumps({"folder": str(folder.resolve()), "files": files})
        write_text(memory, f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")
