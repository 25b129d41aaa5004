"""Memory that is freed and wanted again at once, as from batch to batch: glibc is told to keep it.

By default glibc gives blocks above 32 MiB back to the system when they are freed, and the next batch pays for every page
of them again, which costs a good part of a backbone's forward pass on a CPU (docs/performance.md has the figures). Kept
blocks raise the process's memory by what lies free between them.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # the parameters' numbers in glibc's malloc.h
_NEVER = -1


def keep_freed_memory() -> bool:
    """Have this process's large blocks taken from one heap that is not given back before its end.

    For programs, not for libraries: it holds for everything in the process, and cannot be undone in it. It changes no
    result.

    Returns:
        Whether it is so; False where the C library is not glibc.
    """
    mallopt = _glibc("mallopt")
    return mallopt is not None and bool(mallopt(_TRIM_THRESHOLD, _NEVER) and mallopt(_MMAP_MAX, 0))


def give_back_freed_memory() -> bool:
    """Give the system what is free by now, once; what is freed later is kept as before.

    Returns:
        Whether there was any; False where the C library is not glibc.
    """
    trim = _glibc("malloc_trim")
    return trim is not None and bool(trim(0))


def _glibc(name: str) -> Any:
    """A function of glibc; None where the C library is another."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
