"""What an outlet is: somebody who is told, and answers that he has it."""

from __future__ import annotations

from typing import Protocol


class Undelivered(Exception):  # noqa: N818 - a state of a message, which a later try mends
    """A message may not have arrived; its text says why, in a line without secrets, and begins with where it was to go."""


class Outlet(Protocol):
    """One receiver of messages; used by one thread at a time.

    Attributes:
        name: under which messages are queued for it; one of ``webhook``, ``mqtt``.
    """

    name: str

    def send(self, id: str, kind: str, body: str) -> None:
        """Tell a message; returns when the other side has answered that it has it.

        Args:
            id: the same at every try, and no other message's: the receiver drops what it has by it.
            kind: ``image`` or ``alarm``.
            body: JSON.

        Raises:
            Undelivered: it was refused, or nobody answered.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...
