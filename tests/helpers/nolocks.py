"""A machine whose file systems have no locks, as some network and container ones have none."""

from __future__ import annotations

import errno
import fcntl
import os

import portalocker.portalocker
import pytest

from adshift.system import locks


def take_locks_away(monkeypatch: pytest.MonkeyPatch, number: int = errno.ENOLCK) -> None:
    """Let every lock that this process asks for be refused with ``number``, as of no file system told so far."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(portalocker.portalocker, "LOCKER", refuse)  # it took flock when it was imported
    monkeypatch.setattr(locks, "_said", set())
