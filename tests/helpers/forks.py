"""Children of this process: they have imported everything already, so that only what they do takes time."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable


def forked(work: Callable[[], int]) -> int:
    """Do the work in a child, whose exit status it returns; the child's process id."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            status = work()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def exit_status(child: int) -> int:
    """Wait for a child: its exit status, or minus the number of the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
