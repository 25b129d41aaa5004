"""Locks on open files, which the kernel releases when they are closed or their process ends, however it ends."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from adshift.system.terminal import tell

_NONE = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
_said: set[int] = set()
PATIENCE = 5.0
"""Seconds that a lock is waited for without a word."""


class NoLocksError(OSError):
    """The file system has no locks."""


def lock(handle: IO[Any] | int, *, shared: bool = False, wait: bool = True, what: str = "") -> None:
    """Lock an open file, or a folder's descriptor, until it is closed. Who opens it again locks against himself too.

    Args:
        handle: what to lock; closing it releases the lock, and so does the end of the process.
        shared: several may hold it so at a time; else one alone.
        wait: until the lock is free.
        what: that is locked, in words: a wait of more than ``PATIENCE`` seconds is told with them; empty tells nothing.

    Raises:
        BlockingIOError: ``wait`` is False and another has it.
        NoLocksError: the file system has none.
        OSError: the lock was refused for another reason.
    """
    import portalocker

    if wait and what:
        try:
            lock(handle, shared=shared, wait=False)
            return
        except BlockingIOError:
            with _told(what):
                lock(handle, shared=shared)
            return
    flags = portalocker.LockFlags.SHARED if shared else portalocker.LockFlags.EXCLUSIVE
    if not wait:
        flags |= portalocker.LockFlags.NON_BLOCKING
    name = getattr(handle, "name", None)
    while True:
        try:
            portalocker.lock(handle, flags)
            return
        except portalocker.AlreadyLocked as error:
            if not wait:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), name) from error
            if os.name != "nt":  # Windows waits ten seconds and gives up
                raise _as_os_error(error, name) from error
        except portalocker.LockException as error:
            raise _as_os_error(error, name) from error


@contextmanager
def _told(what: str) -> Iterator[None]:
    """A block that takes more than ``PATIENCE`` seconds is told on stderr, once."""
    line = f"adshift: {what} is held by another process; waiting for it"
    timer = threading.Timer(PATIENCE, lambda: tell(line))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _as_os_error(error: Exception, name: str | None) -> OSError:
    number = getattr(error.__cause__, "errno", None) or errno.EIO
    kind = NoLocksError if number in _NONE else OSError
    return kind(number, os.strerror(number), name)


@contextmanager
def or_without(folder: Path) -> Iterator[None]:
    """For folders that one process works in as a rule: where the file system has no locks, the block ends at its first.

    One line on stderr, once a file system, names the folder and what is lost. What processes are meant to share, as the
    store, is no place for this: there the missing lock is an error, which names another place.
    """
    try:
        yield
    except NoLocksError as error:
        device = folder.stat().st_dev
        if device not in _said:
            _said.add(device)
            tell(
                f"adshift: {folder} is on a file system without locks ({error.strerror}); going on without: two "
                "processes must not work in one folder there at once"
            )
