"""What empties one outlet's queue, in order."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path

from adshift.system.terminal import tell
from adshift.watch.database import Database
from adshift.watch.outbox import Outbox
from adshift.watch.outlets.backoff import Backoff
from adshift.watch.outlets.outlet import Outlet, Undelivered

CHUNK = 64
"""Messages that are read at a time."""
WORTH_TELLING = 2
"""Tries of one message that fail in a row before a person is told: one that a second try mends is no news."""


class Courier(threading.Thread):
    """Tells one outlet what waits for it, the oldest first, each message until it is delivered.

    A message leaves the queue right after its delivery: it is told at least once, and again, with the same id, where the
    answer was lost, or the program was killed before it noted it.

    Args:
        path: of the data base.
        outlet: who is told.
        backoff: between tries that fail.
        poll: seconds between two looks at an empty queue that nobody reported new messages for.

    Attributes:
        fault: why the last try failed; empty where it did not.

    Raises:
        AdshiftError: the data base cannot be opened.
    """

    def __init__(self, path: Path, outlet: Outlet, backoff: Backoff, poll: float) -> None:
        super().__init__(name=f"adshift-{outlet.name}", daemon=True)
        self._database, self._outlet, self._backoff, self._poll = Database(path), outlet, backoff, poll
        self._outbox = Outbox(self._database)
        self._news, self._ending = threading.Event(), threading.Event()
        self._deadline = math.inf
        self.fault = ""
        self._failed = 0
        self._told: int | None = None
        # Notes of deliveries that a power cut takes are told again; flushing each would hold up the watch itself.
        self._database.execute("PRAGMA synchronous = NORMAL")

    def wake(self) -> None:
        """Look at the queue now, unless a try has just failed."""
        self._news.set()

    def end(self, deadline: float) -> None:
        """Tell what waits until ``deadline`` (of ``time.monotonic``) or until a try fails, then end the thread."""
        self._deadline = deadline
        self._ending.set()
        self._news.set()

    def run(self) -> None:
        """The thread's work."""
        try:
            while True:
                self._news.clear()  # before the rest, so that what comes after it is looked at
                last = self._ending.is_set()
                self.fault = self._round()
                if last:
                    return
                if self.fault:
                    self._ending.wait(self._after(self.fault))
                else:
                    self._news.wait(self._poll)
        finally:
            self._outlet.close()
            self._database.close()

    def _round(self) -> str:
        """Empty the queue; returns what went wrong, empty where nothing did."""
        try:
            self._empty()
        except Undelivered as error:
            return str(error)
        except sqlite3.Error as error:
            return f"the data base cannot be used ({error})"
        except Exception as error:  # one outlet's fault must neither end its queue's telling nor show what it holds
            return f"{type(error).__name__}: a fault of the program's own"
        return ""

    def _empty(self) -> None:
        self._strike()  # what could not be struck the last time must not be told again
        while messages := self._outbox.waiting(self._outlet.name, CHUNK):
            for message in messages:
                self._outlet.send(json.loads(message["body"])["id"], message["kind"], message["body"])
                self._told = message["id"]
                self._strike()
                self._is_well()
                if time.monotonic() > self._deadline:
                    return

    def _strike(self) -> None:
        """Take what was told out of the queue."""
        if self._told is not None:
            self._outbox.delivered([self._told])
            self._told = None

    def _after(self, fault: str) -> float:
        """Note a try that failed; returns the seconds to wait."""
        self._failed += 1
        wait = self._backoff.wait(self._failed)
        with suppress(sqlite3.Error):
            for message in self._outbox.waiting(self._outlet.name, 1):
                self._outbox.postpone(message["id"], time.time() + wait, fault)
            if self._failed == WORTH_TELLING:
                tell(f"adshift: {self._outlet.name} is down ({fault}); {self._waiting()} and are told when it is back")
        return wait

    def _is_well(self) -> None:
        if self._failed >= WORTH_TELLING:
            tell(f"adshift: {self._outlet.name} is back; {self._waiting()}")
        self._failed = 0

    def _waiting(self) -> str:
        return f"{self._outbox.length(self._outlet.name)} messages wait"
