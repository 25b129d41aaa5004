"""Fetch one file, whole and checked, or leave nothing behind."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tqdm import tqdm

from adshift.errors import AdshiftError

CHUNK_BYTES = 1 << 20
TIMEOUT_S = 30


def sha256_prefix_of(file_name: str) -> str:
    """The hash digits that torchvision puts into a weights file's name, e.g. ``resnet50-0676ba61.pth`` -> 0676ba61."""
    found = re.search(r"-([0-9a-f]{8,64})\.", file_name)
    if not found:
        raise AdshiftError(f"file name {file_name} carries no hash; name the file as torchvision does: NAME-HASH.pth")
    return found.group(1)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold ``folder`` against other processes that ask for it too; the next one then looks again before it downloads.

    Nothing is left behind. Where the file system has no locks, several may go on, as the final rename lets them.
    """
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def download(url: str, path: Path, *, sha256: str, remedy: str) -> None:
    """Download ``url`` to ``path`` with a progress bar; the file appears only when its SHA-256 is right.

    Args:
        url: where from.
        path: where to; its folder is made.
        sha256: the digits its SHA-256 must begin with (all 64, or the prefix that is known).
        remedy: what the user can do instead; ends the error message.

    Raises:
        AdshiftError: no answer, a broken transfer, or another checksum; the partial file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    partial = Path(name)
    try:
        digest = _stream(url, handle, path.name)
        if not digest.startswith(sha256):
            raise AdshiftError(f"{url} has sha256 {digest}, expected {sha256}; the file was removed: {remedy}")
        os.replace(partial, path)
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise AdshiftError(f"{url} could not be downloaded ({reason}); {remedy}") from error
    finally:
        partial.unlink(missing_ok=True)


def _stream(url: str, handle: int, label: str) -> str:
    digest = hashlib.sha256()
    request = urllib.request.Request(url, headers={"User-Agent": "adshift"})
    with os.fdopen(handle, "wb") as out, urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        total = int(answer.headers.get("Content-Length") or 0)
        received = 0
        with tqdm(total=total or None, unit="B", unit_scale=True, desc=f"download {label}") as bar:
            while chunk := answer.read(CHUNK_BYTES):
                out.write(chunk)
                digest.update(chunk)
                received += len(chunk)
                bar.update(len(chunk))
        if total and received != total:
            raise OSError(f"the transfer broke off after {received} of {total} bytes")
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()
