"""The delivery of what a watch queues: a thread an outlet, so that one that is down holds up no other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from adshift.system.terminal import tell
from adshift.watch.database import Database
from adshift.watch.outbox import Outbox
from adshift.watch.outlets.backoff import Backoff
from adshift.watch.outlets.courier import Courier
from adshift.watch.outlets.outlet import Outlet

POLL = 1.0
LAST_WORDS = 5.0
"""Seconds that a context's end gives to what still waits."""


class Delivery:
    """Empties the queues of outlets in the background, until ``close``; what is left waits for the next one.

    One delivery at a time may hold a data base: two would tell everything twice.

    Args:
        path: of the data base, which exists.
        outlets: who is told, each with a name of its own.
        backoff: between tries that fail.
        poll: seconds between two looks at an empty queue without ``wake``.

    Raises:
        AdshiftError: the data base cannot be opened.
    """

    def __init__(
        self, path: Path, outlets: Sequence[Outlet], backoff: Backoff | None = None, poll: float = POLL
    ) -> None:
        self._path = path
        self.names = tuple(outlet.name for outlet in outlets)
        self._couriers = [Courier(path, outlet, backoff or Backoff(), poll) for outlet in outlets]
        for courier in self._couriers:
            courier.start()

    def wake(self) -> None:
        """Messages were posted: look now."""
        for courier in self._couriers:
            courier.wake()

    def close(self, timeout: float) -> dict[str, int]:
        """Tell what waits, for ``timeout`` seconds at most; who is down is tried once more.

        Returns:
            how many messages of each outlet are left; the next delivery tells them, and a line says so.
        """
        deadline = time.monotonic() + timeout
        for courier in self._couriers:
            courier.end(deadline)
        for courier in self._couriers:
            courier.join(max(0.0, deadline - time.monotonic()))
        left = self._left()
        for (name, count), courier in zip(left.items(), self._couriers, strict=True):
            if count:
                why = f" ({courier.fault})" if courier.fault else ""
                tell(f"adshift: {count} messages for {name} wait in {self._path}{why}; the next watch there tells them")
        return left

    def _left(self) -> dict[str, int]:
        if not self.names:
            return {}
        database = Database(self._path)
        try:
            return {name: Outbox(database).length(name) for name in self.names}
        finally:
            database.close()

    def __enter__(self) -> Delivery:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close(LAST_WORDS)
