"""The data base of a watch: a row a part, the evidence, alarms, labels, and what others are still to be told."""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from adshift.drift.evidence import Evidence
from adshift.drift.jumper import Jumper
from adshift.drift.ranks import Ranks
from adshift.errors import AdshiftError

NAME = "watch.sqlite"
VERSION = 1
PATIENCE = 30.0
"""Seconds that one of the programs waits for another's transaction."""

TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE epochs (
    epoch INTEGER PRIMARY KEY, began REAL NOT NULL, run TEXT NOT NULL, model TEXT NOT NULL, threshold REAL, kind TEXT,
    promised REAL, normals INTEGER NOT NULL, delta REAL NOT NULL, seed INTEGER NOT NULL, looks TEXT NOT NULL,
    why TEXT NOT NULL, told TEXT NOT NULL);
CREATE TABLE parts (
    number INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL, judged REAL NOT NULL, score REAL, threshold REAL, decision INTEGER, p_value REAL,
    error TEXT NOT NULL, note TEXT NOT NULL, looks TEXT, levels TEXT, level REAL, overlay TEXT NOT NULL, map TEXT NOT NULL,
    UNIQUE (path, sha256));
CREATE INDEX parts_as_seen ON parts (path, size, modified_ns);
CREATE INDEX parts_by_content ON parts (sha256);
CREATE INDEX parts_with_pictures ON parts (number) WHERE overlay != '';
CREATE TABLE ranks (
    stream INTEGER NOT NULL, key INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (stream, key)) WITHOUT ROWID;
CREATE TABLE bets (stream INTEGER PRIMARY KEY, later REAL NOT NULL, log_bet REAL NOT NULL, shares TEXT NOT NULL,
    steps INTEGER NOT NULL);
CREATE TABLE alarms (
    alarm INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, streams TEXT NOT NULL,
    level REAL NOT NULL, since INTEGER NOT NULL, told TEXT NOT NULL, repaired TEXT);
CREATE TABLE labels (sha256 TEXT PRIMARY KEY, path TEXT NOT NULL, good INTEGER NOT NULL, at REAL NOT NULL);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, outlet TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    made REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0, fault TEXT NOT NULL DEFAULT '');
CREATE INDEX outbox_by_outlet ON outbox (outlet, id);
"""


@dataclass(frozen=True)
class Part:
    """One image, judged, or with the reason why not.

    Attributes:
        number: from 1, in the order of judgement, without gaps.
        epoch: whose model and threshold judged it.
        path: of the file.
        sha256: of the bytes that were decoded; empty where the file could not be read.
        size, modified_ns: of the file then: bytes, nanoseconds since 1970.
        judged: when; seconds since 1970.
        score: raw; None where there is none.
        threshold: that decided; None where nothing was decided.
        decision: 1 anomalous, 0 not; None where nothing was decided.
        p_value: as ``adshift.prediction.rows.Row``'s.
        error: why it has no score; else empty.
        note: what should be known of its values.
        looks: one number a look (``adshift.appearance.looks.LOOKS``), NaN where it has none; empty without a score.
        levels: every stream's evidence after it, as ``adshift.drift.evidence.Evidence.levels``; empty without a score.
        level: the strongest of them.
        overlay, map: its pictures, relative to the output folder; empty where none were drawn.
    """

    number: int
    epoch: int
    path: str
    sha256: str
    size: int
    modified_ns: int
    judged: float
    score: float | None
    threshold: float | None
    decision: int | None
    p_value: float | None
    error: str = ""
    note: str = ""
    looks: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    level: float | None = None
    overlay: str = ""
    map: str = ""


@dataclass(frozen=True)
class Epoch:
    """A stretch of the stream under one model, one threshold and one beginning of the evidence.

    Attributes:
        epoch: from 1.
        began: seconds since 1970.
        run: the folder whose model and threshold judge.
        model: SHA-256 of what decides: a run that is changed begins a new epoch.
        threshold, kind, promised: the rule; the promised false-alarm rate; None where there is none.
        normals: how many good images' scores the evidence began with.
        delta: permitted probability of a false alarm of drift in this epoch.
        seed: of the tie-breaks.
        looks: rows of what is usual: one a train image that was measured.
        why: it began.
        told: what a person should know of it, a line.
    """

    epoch: int
    began: float
    run: str
    model: str
    threshold: float | None
    kind: str | None
    promised: float | None
    normals: int
    delta: float
    seed: int
    looks: tuple[tuple[float, ...], ...]
    why: str
    told: str = ""


@dataclass(frozen=True)
class Alarm:
    """The evidence has reached its limit.

    Attributes:
        alarm: from 1.
        epoch: in which.
        number: the part at which.
        at: seconds since 1970.
        streams: which streams are over the limit, the strongest first.
        level: the strongest one's evidence.
        since: the part from which on, as far as the evidence tells, the line was another.
        told: what has changed and what to do; plain JSON values (``adshift.watch.alarm``).
        repaired: the run that took over; None where none has.
    """

    alarm: int
    epoch: int
    number: int
    at: float
    streams: tuple[str, ...]
    level: float
    since: int
    told: Mapping[str, Any]
    repaired: str | None = None


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """What a data base refuses, now or later (it is damaged, another holds it, the disk is full), is an AdshiftError."""
    try:
        yield
    except sqlite3.Error as error:
        raise AdshiftError(
            f"{path} cannot be used ({error}); name the {NAME} of a watch that no other program holds, on a disk with "
            "room, or another folder"
        ) from error


class Book:
    """A watch's data base, open; any number of programs may hold it at a time, and one of them watches.

    Args:
        path: of the file; it is made where it does not exist and ``make`` says so.
        make: whether a new one may be made.

    Raises:
        AdshiftError: there is none, it is no data base of a watch, or one of another version.
    """

    def __init__(self, path: Path, make: bool = False) -> None:
        if not make and not path.is_file():
            raise AdshiftError(f"{path} does not exist; name the {NAME} in the output folder of a watch")
        self.path = path
        with usable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._prepare()

    def _prepare(self) -> None:
        with self.transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0 and not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in filter(str.strip, TABLES.split(";")):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise AdshiftError(
                    f"{self.path} is a data base of version {version}, this program's have {VERSION}; name another folder"
                )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it, or nothing; on the disk when it ends."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # Facts

    def fact(self, name: str, first: str) -> str:
        """What was written down once under a name: ``first``, where nothing was."""
        self._db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, _written(first)))
        return os.fsdecode(self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0])

    # Epochs

    def begin(self, epoch: Epoch) -> None:
        """Add an epoch; the evidence of the one before it goes."""
        row = [
            json.dumps(_null(v)) if isinstance(v, tuple) else v for v in (getattr(epoch, f.name) for f in fields(Epoch))
        ]
        self._insert("epochs", row)
        self._db.execute("DELETE FROM ranks")
        self._db.execute("DELETE FROM bets")

    def epochs(self) -> list[Epoch]:
        """All of them, in order."""
        return [
            Epoch(**{**_names(row), "looks": tuple(_nan(look) for look in json.loads(row["looks"]))})
            for row in self._rows("SELECT * FROM epochs ORDER BY epoch")
        ]

    # Evidence

    def keep_evidence(self, evidence: Evidence, joined: Mapping[int, int] | None = None) -> None:
        """Write the evidence down: all of it, or what one part added (``joined`` as ``Evidence.update`` returns it)."""
        if joined is None:
            counts = [(i, key, n) for i, ranks in enumerate(evidence.ranks) for key, n in ranks.counts()]
            self._db.executemany("INSERT INTO ranks VALUES (?, ?, ?)", counts)
        else:
            self._db.executemany(
                "INSERT INTO ranks VALUES (?, ?, 1) ON CONFLICT (stream, key) DO UPDATE SET count = count + 1",
                list(joined.items()),
            )
        self._db.executemany(
            "INSERT OR REPLACE INTO bets VALUES (?, ?, ?, ?, ?)",
            [(i, j.later, j.log_bet, json.dumps(j.shares), j.steps) for i, j in enumerate(evidence.jumpers)],
        )

    def restore_evidence(self, evidence: Evidence) -> None:
        """Let the evidence go on where it was."""
        counts: dict[int, list[tuple[int, int]]] = {}
        for stream, key, n in self._db.execute("SELECT stream, key, count FROM ranks ORDER BY stream, key"):
            counts.setdefault(stream, []).append((key, n))
        bets = {
            stream: Jumper(later, log_bet, tuple(json.loads(shares)), steps)
            for stream, later, log_bet, shares, steps in self._db.execute("SELECT * FROM bets")
        }
        evidence.restore({stream: Ranks.of_counts(pairs) for stream, pairs in counts.items()}, bets)

    # Parts

    def add(self, part: Part) -> None:
        """Add a part."""
        row: list[Any] = list(astuple(part))
        names = [f.name for f in fields(Part)]
        for name in ("looks", "levels"):
            at = names.index(name)
            row[at] = json.dumps(_null(row[at])) if row[at] else None
        at = names.index("modified_ns")
        row[at] = _in_range(row[at])
        self._insert("parts", row)

    def last_number(self) -> int:
        """The last part's number; 0 where there is none."""
        return int(self._db.execute("SELECT coalesce(max(number), 0) FROM parts").fetchone()[0])

    def looks_seen(self, path: str, size: int, modified_ns: int) -> bool:
        """Whether a file of this path, size and time of change has been judged."""
        found = self._db.execute(
            "SELECT 1 FROM parts WHERE path = ? AND size = ? AND modified_ns = ?",
            (_written(path), size, _in_range(modified_ns)),
        )
        return found.fetchone() is not None

    def seen(self, path: str, sha256: str) -> bool:
        """Whether these bytes have been judged under this path."""
        found = self._db.execute("SELECT 1 FROM parts WHERE path = ? AND sha256 = ?", (_written(path), sha256))
        return found.fetchone() is not None

    def touched(self, path: str, sha256: str, size: int, modified_ns: int) -> None:
        """Remember the new time of change of a file whose bytes are those that were judged."""
        self._db.execute(
            "UPDATE parts SET size = ?, modified_ns = ? WHERE path = ? AND sha256 = ?",
            (size, _in_range(modified_ns), _written(path), sha256),
        )

    def parts(
        self, where: str = "1", values: Sequence[Any] = (), order: str = "number", limit: int = -1
    ) -> Iterator[Part]:
        """Parts that fulfil an SQL condition of ours, one at a time."""
        for row in self._rows(f"SELECT * FROM parts WHERE {where} ORDER BY {order} LIMIT ?", (*values, limit)):
            held = _names(row)
            for name in ("looks", "levels"):
                held[name] = _nan(json.loads(held[name])) if held[name] else ()
            yield Part(**held)

    # Alarms

    def sound(self, alarm: Alarm) -> None:
        """Add an alarm."""
        self._insert("alarms", [_text(v) for v in (getattr(alarm, f.name) for f in fields(Alarm))])

    def tell(self, alarm: int, told: Mapping[str, Any]) -> None:
        """Replace what is told of an alarm."""
        self._db.execute("UPDATE alarms SET told = ? WHERE alarm = ?", (_text(told), alarm))

    def repaired(self, alarm: int, run: str) -> None:
        """Write down which run took over after an alarm."""
        self._db.execute("UPDATE alarms SET repaired = ? WHERE alarm = ?", (_written(run), alarm))

    def alarms(self) -> list[Alarm]:
        """All of them, in order."""
        return [
            Alarm(**{**_names(row), "streams": tuple(json.loads(row["streams"])), "told": json.loads(row["told"])})
            for row in self._rows("SELECT * FROM alarms ORDER BY alarm")
        ]

    # Labels

    def label(self, sha256: str, path: str, good: bool, at: float) -> None:
        """Write down what a person says of an image, in the place of what was said before."""
        self._db.execute("INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?)", (sha256, _written(path), int(good), at))

    def labels(self) -> dict[str, tuple[str, bool]]:
        """SHA-256 -> path and whether it is good, of every labelled image."""
        rows = self._db.execute("SELECT sha256, path, good FROM labels ORDER BY at")
        return {sha256: (os.fsdecode(path), bool(good)) for sha256, path, good in rows}

    def labels_mark(self) -> tuple[int, float]:
        """How many labels there are and when the last was given: another mark, other labels."""
        count, last = self._db.execute("SELECT count(*), coalesce(max(at), 0.0) FROM labels").fetchone()
        return int(count), float(last)

    # What others are told

    def post(self, outlets: Iterable[str], kind: str, body: Mapping[str, Any], at: float) -> None:
        """Queue a message for each outlet."""
        text = json.dumps(body, allow_nan=False)
        self._db.executemany(
            "INSERT INTO outbox (outlet, kind, body, made) VALUES (?, ?, ?, ?)", [(o, kind, text, at) for o in outlets]
        )

    def waiting(self, outlet: str, limit: int) -> list[sqlite3.Row]:
        """The first messages of an outlet's queue, in order: id, kind, body, made, tries, due, fault."""
        return list(self._rows("SELECT * FROM outbox WHERE outlet = ? ORDER BY id LIMIT ?", (outlet, limit)))

    def delivered(self, ids: Sequence[int]) -> None:
        """Take messages out of the queue."""
        self._db.executemany("DELETE FROM outbox WHERE id = ?", [(i,) for i in ids])

    def postpone(self, message: int, due: float, fault: str) -> None:
        """Write down that a message could not be told, and when to try again."""
        self._db.execute("UPDATE outbox SET tries = tries + 1, due = ?, fault = ? WHERE id = ?", (due, fault, message))

    def queue_length(self, outlet: str) -> int:
        """How many messages of an outlet wait."""
        return int(self._db.execute("SELECT count(*) FROM outbox WHERE outlet = ?", (outlet,)).fetchone()[0])

    def drop_pictures(self, keep: int) -> list[tuple[str, str]]:
        """Forget the pictures of all parts but the last ``keep`` that have some; returns what they were."""
        rows = list(
            self._db.execute(
                "SELECT number, overlay, map FROM parts WHERE overlay != '' ORDER BY number DESC LIMIT -1 OFFSET ?",
                (keep,),
            )
        )
        self._db.executemany("UPDATE parts SET overlay = '', map = '' WHERE number = ?", [(n,) for n, _, _ in rows])
        return [(overlay, map_) for _, overlay, map_ in rows]

    def query(self, sql: str, values: Sequence[Any] = ()) -> Iterator[sqlite3.Row]:
        """Rows of a question of ours, by name."""
        return self._rows(sql, values)

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> Iterator[sqlite3.Row]:
        cursor = self._db.cursor()
        cursor.row_factory = sqlite3.Row
        yield from cursor.execute(sql, values)

    def _insert(self, table: str, row: Sequence[Any]) -> None:
        values = [_written(value) if isinstance(value, str) else value for value in row]
        self._db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", values)


def _written(text: str) -> str | bytes:
    """A name, or a line with one, as the data base takes it: as bytes where it is no Unicode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def _in_range(modified_ns: int) -> int:
    """A time as the data base's whole numbers hold it: a file may say that it was changed in the year 2300."""
    return max(-(2**63), min(modified_ns, 2**63 - 1))


def _names(row: sqlite3.Row) -> dict[str, Any]:
    """A row's values by name; what is no Unicode as the file system's functions take it."""
    return {key: os.fsdecode(row[key]) if isinstance(row[key], bytes) else row[key] for key in row.keys()}  # noqa: SIM118


def _null(values: Any) -> Any:
    """NaN as null, which JSON has."""
    if isinstance(values, tuple | list):
        return [_null(value) for value in values]
    return None if isinstance(values, float) and math.isnan(values) else values


def _nan(values: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else float(value) for value in values)


def _text(value: Any) -> Any:
    return json.dumps(value, allow_nan=False) if isinstance(value, tuple | Mapping) else value
