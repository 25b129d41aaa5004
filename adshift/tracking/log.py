"""The two calls that a run makes: before it starts and when its result stands."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adshift.config.build import build
from adshift.tracking.record import read_record
from adshift.tracking.trackers import NoTracker, Tracker

GROUP = "logger"


def make_tracker(config: Mapping[str, Any]) -> Tracker:
    """The tracker of a configuration, of which the package is there; runs from before there were trackers have none.

    Raises:
        AdshiftError: an unknown logger or key, or its package is not installed.
    """
    tracker: Tracker = build(config[GROUP], GROUP) if GROUP in config else NoTracker()
    tracker.require()
    return tracker


def track(config: Mapping[str, Any], folder: Path) -> None:
    """Tell the tracker of the finished run in ``folder``.

    The result is written by then: what goes wrong here is said, and fails nothing.
    """
    try:
        make_tracker(config).log(read_record(folder))
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        print(
            f"adshift: the tracker was not told ({reason}); the result stands, and python evaluate.py run={folder} "
            "logger=NAME tells it again",
            file=sys.stderr,
        )
