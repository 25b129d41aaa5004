"""What a program ends with after a mistake of the user's: one line and the status 2."""

from __future__ import annotations

from collections.abc import Callable

from adshift.errors import AdshiftError
from adshift.system.terminal import tell

USER_ERROR = 2


def status_of(action: Callable[[], None]) -> int:
    """Run a small command; a mistake of the user's becomes one line on stderr and the exit status 2."""
    try:
        action()
    except AdshiftError as error:
        tell(f"adshift: {error}")
        return USER_ERROR
    return 0
