"""How a program ends: one line and a status of its own, after a mistake of the user's, a refusal of the disk, a signal."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adshift.errors import AdshiftError
from adshift.system.terminal import tell

USER_ERROR = 2


def refusal(error: OSError) -> str:
    """What the system refused, in a line: the file, why, and what to do."""
    if not error.strerror:
        return str(error)
    place = f"{error.filename} cannot be used" if error.filename else "a file cannot be used"
    return f"{place} ({error.strerror}); give a folder that exists and can be written, or make room there"


@contextmanager
def orderly_end() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the program with one line and 128 + the signal, after temporary files have gone.

    Lightning would turn KeyboardInterrupt into a silent exit status 1; SystemExit it lets through.
    """

    def stop(number: int, _: object) -> None:
        what = "interrupted" if number == signal.SIGINT else "terminated"
        tell(f"adshift: {what}; what was finished stays")
        sys.exit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def status_of(action: Callable[[], int | None]) -> int:
    """Run a small command; returns its exit status: its own answer, 0 where it gives none.

    A mistake of the user's, or a disk that refuses, becomes one line on stderr and the status 2; Ctrl-C and SIGTERM end the
    program as ``orderly_end`` says.
    """
    try:
        with orderly_end():
            return action() or 0
    except BrokenPipeError:  # whoever reads what is printed has gone
        raise
    except (AdshiftError, OSError) as error:
        told = refusal(error) if isinstance(error, OSError) else str(error)
        tell(f"adshift: {told}")
        return USER_ERROR
