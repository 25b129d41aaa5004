"""Fetch one file, whole and checked; what a broken transfer left is gone on with, what is wrong is removed."""

from __future__ import annotations

import hashlib
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from tqdm import tqdm

from adshift.errors import AdshiftError
from adshift.system.locks import lock, or_without
from adshift.system.writing import writing

CHUNK_BYTES = 1 << 20
TIMEOUT_S = 30
MAX_BYTES = 16 << 30
"""More is not taken in, whatever the server sends."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def sha256_prefix_of(file_name: str) -> str:
    """The hash digits that torchvision puts into a weights file's name, e.g. ``resnet50-0676ba61.pth`` -> 0676ba61."""
    found = re.search(r"-([0-9a-f]{8,64})\.", file_name)
    if not found:
        raise AdshiftError(f"file name {file_name} carries no hash; name the file as torchvision does: NAME-HASH.pth")
    return found.group(1)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold ``folder`` against other processes that ask for it too; the next one then looks again before it downloads.

    Nothing is left behind. Where the file system has no locks, which stderr tells, or none on folders, as with NFS,
    several go on: the final rename lets them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError), or_without(folder):
            lock(handle, what=f"the folder {folder}, which data are brought into,")
        yield
    finally:
        os.close(handle)


def download(url: str, path: Path, *, sha256: str, remedy: str, limit: int = MAX_BYTES) -> None:
    """Download ``url`` to ``path`` with a progress bar; the file appears only when its SHA-256 is right.

    A transfer that breaks off leaves ``.NAME.part`` beside ``path``; the next call asks the server for the rest alone.
    Where ``path`` is there and right, nothing is asked: of processes that want one file, the first alone fetches it.

    Args:
        url: where from; https, or http on this machine. It is never left for a plain one.
        path: where to; its folder is made.
        sha256: the digits its SHA-256 must begin with (all 64, or the prefix that is known).
        remedy: what the user can do instead; ends the error message.
        limit: bytes, at most.

    Raises:
        AdshiftError: another scheme, no answer, a broken or endless transfer, or another checksum; a file with a wrong
            checksum is removed.
    """
    _require_safe(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _partial(path) as out:
            if _is_right(path, sha256):
                out.truncate(0)  # a part that is left beside it is of no use
                return
            resumed = out.seek(0, os.SEEK_END) > 0
            digest = _fetch_all(url, out, path.name, limit)
            if resumed and not digest.startswith(sha256):  # the old part may be of another file: once more, from 0
                out.truncate(0)
                digest = _fetch_all(url, out, path.name, limit)
            if not digest.startswith(sha256):
                out.truncate(0)  # and so it is removed
                raise AdshiftError(f"{url} has sha256 {digest}, expected {sha256}; the file was removed: {remedy}")
            os.replace(out.name, path)
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise AdshiftError(f"{url} could not be downloaded ({reason}); {remedy}") from error


def _require_safe(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise AdshiftError(f"{url} is no https address; give one, or fetch the file yourself and name its path")


def _is_right(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as handle:
            return _digest(handle).startswith(sha256)
    except FileNotFoundError:
        return False


@contextmanager
def _partial(path: Path) -> Iterator[IO[bytes]]:
    """The part file, locked and open for appending. On leaving, an empty part is removed and any other stays."""
    part = path.with_name(f".{path.name}.part")
    while True:
        with part.open("ab+") as out:
            with or_without(path.parent):  # two that append to one part spoil it, which its checksum tells
                lock(out, what=f"the download of {path}")
            if not _lies_at(part, out):  # it was finished or removed while this process waited
                continue
            try:
                yield out
            finally:
                if _lies_at(part, out) and part.stat().st_size == 0:
                    part.unlink()
            return


def _lies_at(path: Path, handle: IO[bytes]) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirection to another safe address alone."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        _require_safe(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _fetch_all(url: str, out: IO[bytes], label: str, limit: int) -> str:
    """``_fetch``, tried again for as long as every try brings more than the one before."""
    most = 0
    while True:
        try:
            return _fetch(url, out, label, limit)
        except (OSError, HTTPException):
            have = out.seek(0, os.SEEK_END)
            if have <= most:
                raise
            most = have


def _fetch(url: str, out: IO[bytes], label: str, limit: int) -> str:
    """Append what is missing to ``out``; returns the SHA-256 of the whole."""
    have = out.seek(0, os.SEEK_END)
    headers = {"User-Agent": "adshift", **({"Range": f"bytes={have}-"} if have else {})}
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        answer = opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        return _digest(out)  # nothing is missing, or the part is no part of this file: the checksum tells
    with answer:
        if have and not str(answer.headers.get("Content-Range", "")).startswith(f"bytes {have}-"):
            out.truncate(0)  # the server sends the whole file again
            have = 0
        _receive(answer, out, have, label, limit)
    return _digest(out)


def _receive(answer: Any, out: IO[bytes], have: int, label: str, limit: int) -> None:
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length and length.isdigit() else None
    with tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=f"download {label}") as bar:
        while chunk := answer.read(CHUNK_BYTES):
            with writing(Path(out.name)):
                out.write(chunk)
            have += len(chunk)
            bar.update(len(chunk))
            if have > limit:
                out.truncate(0)
                raise OSError(f"it is larger than {limit} bytes")
    out.flush()
    os.fsync(out.fileno())
    if total is not None and have != total:
        raise OSError(f"the transfer broke off after {have} of {total} bytes; the next call goes on from there")


def _digest(handle: IO[bytes]) -> str:
    handle.seek(0)
    return hashlib.file_digest(handle, "sha256").hexdigest()  # type: ignore[arg-type]
