"""What others are still to be told: a queue an outlet, in the watch's data base."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adshift.watch.database import Database


class Outbox:
    """The queues of all outlets.

    Args:
        database: of the watch; what is posted inside a transaction is there if and only if the rest of it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def post(self, outlets: Iterable[str], kind: str, body: Mapping[str, Any], at: float) -> None:
        """Queue a message for each outlet."""
        text = json.dumps(body, allow_nan=False)
        self._database.execute_each(
            "INSERT INTO outbox (outlet, kind, body, made) VALUES (?, ?, ?, ?)", [(o, kind, text, at) for o in outlets]
        )

    def waiting(self, outlet: str, limit: int) -> list[sqlite3.Row]:
        """The first messages of an outlet's queue, in order: id, kind, body, made, tries, due, fault."""
        return list(self._database.query("SELECT * FROM outbox WHERE outlet = ? ORDER BY id LIMIT ?", (outlet, limit)))

    def delivered(self, ids: Sequence[int]) -> None:
        """Take messages out of the queue."""
        self._database.execute_each("DELETE FROM outbox WHERE id = ?", [(i,) for i in ids])

    def postpone(self, message: int, due: float, fault: str) -> None:
        """Write down that a message could not be told, and when to try again."""
        self._database.execute(
            "UPDATE outbox SET tries = tries + 1, due = ?, fault = ? WHERE id = ?", (due, fault, message)
        )

    def length(self, outlet: str) -> int:
        """How many messages of an outlet wait."""
        return int(self._database.value("SELECT count(*) FROM outbox WHERE outlet = ?", (outlet,)))
