"""Memory that several threads share: who wants more than is left waits for the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Room:
    """So many bytes, handed out and taken back.

    Args:
        limit: bytes, > 0. Who wants more than that gets all of it, and is alone then.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._taken = 0
        self._change = Condition()

    @contextmanager
    def taken(self, wanted: int) -> Iterator[None]:
        """Have so many bytes while the block runs; a thread that has some must not ask for more."""
        share = min(wanted, self.limit)
        with self._change:
            self._change.wait_for(lambda: self._taken + share <= self.limit)
            self._taken += share
        try:
            yield
        finally:
            with self._change:
                self._taken -= share
                self._change.notify_all()
