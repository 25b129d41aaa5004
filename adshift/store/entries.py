"""An entry's folder: what is written beside its files, and whether they still are what was written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from adshift.system.hashes import file_sha256

META = "meta.json"


def seal(folder: Path, about: dict[str, Any]) -> None:
    """Write meta.json, ``about`` with the size and the SHA-256 of every file, and bring all to the disk."""
    files = {path.name: (path.stat().st_size, file_sha256(path)) for path in sorted(folder.iterdir())}
    meta = {**about, "files": files, "bytes": sum(size for size, _ in files.values())}
    (folder / META).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    for path in folder.iterdir():
        sync(path)


def fault(folder: Path) -> str:
    """Why the files of an entry are not those that were written, in words; empty where they are. Every byte is read."""
    try:
        files = json.loads((folder / META).read_text(encoding="utf-8"))["files"]
        for name, (size, sha256) in files.items():
            if (folder / name).stat().st_size != size or file_sha256(folder / name) != sha256:
                return f"{name} is not what was written"
    except OSError as error:
        return f"{Path(error.filename or META).name}: {error.strerror}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{META} is not what was written"
    return ""


def sync(path: Path) -> None:
    """Bring a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
