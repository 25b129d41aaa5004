"""What a watch has written down, by what it means: epochs and their evidence, parts, alarms, labels."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, fields
from typing import Any

from adshift.drift.evidence import Evidence
from adshift.drift.jumper import Jumper
from adshift.drift.pool import Pool
from adshift.drift.ranks import Ranks
from adshift.watch.database import Database, in_range, named, null, numbers, text, written
from adshift.watch.records import Alarm, Epoch, Part

POOL = "series under way"


class Book(Database):
    """The records of a watch, in its data base; see ``Database``."""

    def fact(self, name: str, first: str) -> str:
        """What was written down once under a name: ``first``, where nothing was."""
        self.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, written(first)))
        return os.fsdecode(self.value("SELECT value FROM facts WHERE name = ?", (name,)))

    # Epochs

    def begin(self, epoch: Epoch) -> None:
        """Add an epoch; the evidence of the one before it goes."""
        row = [
            json.dumps(null(v)) if isinstance(v, tuple) else v for v in (getattr(epoch, f.name) for f in fields(Epoch))
        ]
        self.insert("epochs", row)
        self.execute("DELETE FROM ranks")
        self.execute("DELETE FROM bets")
        self.execute("DELETE FROM facts WHERE name = ?", (POOL,))

    def epochs(self) -> list[Epoch]:
        """All of them, in order."""
        return [
            Epoch(**{**named(row), "looks": tuple(numbers(look) for look in json.loads(row["looks"]))})
            for row in self.query("SELECT * FROM epochs ORDER BY epoch")
        ]

    # Evidence

    def keep_evidence(self, evidence: Evidence, joined: Mapping[int, int] | None = None) -> None:
        """Write the evidence down: all of it, or what one part added (``joined`` as ``Evidence.update`` returns it)."""
        if joined is None:
            counts = [(i, key, n) for i, ranks in enumerate(evidence.ranks) for key, n in ranks.counts()]
            self.execute_each("INSERT INTO ranks VALUES (?, ?, ?)", counts)
        else:
            self.execute_each(
                "INSERT INTO ranks VALUES (?, ?, 1) ON CONFLICT (stream, key) DO UPDATE SET count = count + 1",
                list(joined.items()),
            )
        self.execute_each(
            "INSERT OR REPLACE INTO bets VALUES (?, ?, ?, ?, ?)",
            [(i, j.later, j.log_bet, json.dumps(j.shares), j.steps) for i, j in enumerate(evidence.jumpers)],
        )

    def restore_evidence(self, evidence: Evidence) -> None:
        """Let the evidence go on where it was."""
        counts: dict[int, list[tuple[int, int]]] = {}
        for stream, key, n in self.query("SELECT stream, key, count FROM ranks ORDER BY stream, key"):
            counts.setdefault(stream, []).append((key, n))
        bets = {
            stream: Jumper(later, log_bet, tuple(json.loads(shares)), steps)
            for stream, later, log_bet, shares, steps in self.query("SELECT * FROM bets")
        }
        evidence.restore({stream: Ranks.of_counts(pairs) for stream, pairs in counts.items()}, bets)

    def keep_pool(self, pool: Pool) -> None:
        """Write down the series that is under way."""
        held = null([pool.group, pool.count, list(pool.drawn)])
        if pool.count or self.value("SELECT 1 FROM facts WHERE name = ?", (POOL,)):
            self.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (POOL, json.dumps(held)))

    def pool(self, seed: int) -> Pool:
        """The series that was under way."""
        held = self.value("SELECT value FROM facts WHERE name = ?", (POOL,))
        if held is None:
            return Pool(seed)
        group, count, (number, values) = json.loads(held)
        return Pool(seed, group, count, (number, numbers(values)))

    # Parts

    def add(self, part: Part) -> None:
        """Add a part."""
        row: list[Any] = list(astuple(part))
        names = [f.name for f in fields(Part)]
        for name in ("looks", "levels"):
            at = names.index(name)
            row[at] = json.dumps(null(row[at])) if row[at] else None
        at = names.index("modified_ns")
        row[at] = in_range(row[at])
        self.insert("parts", row)

    def last_number(self) -> int:
        """The last part's number; 0 where there is none."""
        return int(self.value("SELECT coalesce(max(number), 0) FROM parts"))

    def looks_seen(self, path: str, size: int, modified_ns: int) -> bool:
        """Whether a file of this path, size and time of change has been judged."""
        known = "SELECT 1 FROM parts WHERE path = ? AND size = ? AND modified_ns = ?"
        return self.value(known, (written(path), size, in_range(modified_ns))) is not None

    def seen(self, path: str, sha256: str) -> bool:
        """Whether these bytes have been judged under this path."""
        return self.value("SELECT 1 FROM parts WHERE path = ? AND sha256 = ?", (written(path), sha256)) is not None

    def touched(self, path: str, sha256: str, size: int, modified_ns: int) -> None:
        """Remember the new time of change of a file whose bytes are those that were judged."""
        self.execute(
            "UPDATE parts SET size = ?, modified_ns = ? WHERE path = ? AND sha256 = ?",
            (size, in_range(modified_ns), written(path), sha256),
        )

    def parts(
        self, where: str = "1", values: Sequence[Any] = (), order: str = "number", limit: int = -1
    ) -> Iterator[Part]:
        """Parts that fulfil an SQL condition of ours, one at a time."""
        for row in self.query(f"SELECT * FROM parts WHERE {where} ORDER BY {order} LIMIT ?", (*values, limit)):
            held = named(row)
            for name in ("looks", "levels"):
                held[name] = numbers(json.loads(held[name])) if held[name] else ()
            yield Part(**held)

    def drop_pictures(self, keep: int) -> list[tuple[str, str]]:
        """Forget the pictures of all parts but the last ``keep`` that have some; returns what they were."""
        rows = list(
            self.query(
                "SELECT number, overlay, map FROM parts WHERE overlay != '' ORDER BY number DESC LIMIT -1 OFFSET ?",
                (keep,),
            )
        )
        self.execute_each("UPDATE parts SET overlay = '', map = '' WHERE number = ?", [(n,) for n, _, _ in rows])
        return [(overlay, map_) for _, overlay, map_ in rows]

    # Alarms

    def sound(self, alarm: Alarm) -> None:
        """Add an alarm."""
        self.insert("alarms", [text(v) for v in (getattr(alarm, f.name) for f in fields(Alarm))])

    def tell(self, alarm: int, told: Mapping[str, Any]) -> None:
        """Replace what is told of an alarm."""
        self.execute("UPDATE alarms SET told = ? WHERE alarm = ?", (text(told), alarm))

    def repaired(self, alarm: int, run: str) -> None:
        """Write down which run took over after an alarm."""
        self.execute("UPDATE alarms SET repaired = ? WHERE alarm = ?", (written(run), alarm))

    def alarms(self) -> list[Alarm]:
        """All of them, in order."""
        return [
            Alarm(**{**named(row), "streams": tuple(json.loads(row["streams"])), "told": json.loads(row["told"])})
            for row in self.query("SELECT * FROM alarms ORDER BY alarm")
        ]

    # Labels

    def label(self, sha256: str, path: str, good: bool, at: float) -> None:
        """Write down what a person says of an image, in the place of what was said before."""
        self.execute("INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?)", (sha256, written(path), int(good), at))

    def labels(self) -> dict[str, tuple[str, bool]]:
        """SHA-256 -> path and whether it is good, of every labelled image."""
        rows = self.query("SELECT sha256, path, good FROM labels ORDER BY at")
        return {sha256: (os.fsdecode(path), bool(good)) for sha256, path, good in rows}

    def labels_mark(self) -> tuple[int, float]:
        """How many labels there are and when the last was given: another mark, other labels."""
        ((count, last),) = self.query("SELECT count(*), coalesce(max(at), 0.0) FROM labels")
        return int(count), float(last)
