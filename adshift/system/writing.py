"""Who is to blame when a disk is full: the file that is written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_REFUSED = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


class RefusedError(OSError):
    """A disk that is full or read-only; ``filename`` is what was to be written."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A block that writes a file, or into a folder; a disk that is full or read-only is told with its name.

    Of a write that fails the system names no file, and ``shutil`` the one that was copied from.

    Raises:
        RefusedError: the disk refused; of blocks one inside the other the inner one names the place.
    """
    try:
        yield
    except RefusedError:
        raise
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        raise RefusedError(error.errno, os.strerror(error.errno), str(path)) from error
