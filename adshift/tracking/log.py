"""The call that a run makes when its result stands."""

from __future__ import annotations

import shlex
from pathlib import Path

from adshift.system.terminal import tell
from adshift.tracking.record import read_record
from adshift.tracking.trackers import Tracker


def track(tracker: Tracker, folder: Path) -> None:
    """Tell a tracker of the finished run in ``folder``.

    The result is written by then: what goes wrong here is said, and fails nothing.
    """
    try:
        tracker.log(read_record(folder))
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        tell(
            f"adshift: the tracker was not told ({reason}); the result stands, and python evaluate.py "
            f"{shlex.quote(f'run={folder}')} logger=NAME tells it again"
        )
