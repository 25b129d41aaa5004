"""The file that a watch's state lies in: opened, checked, written in transactions; values in and out."""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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


class Database:
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

    def query(self, sql: str, values: Sequence[Any] = ()) -> Iterator[sqlite3.Row]:
        """Rows of a question of ours, by name, one at a time."""
        cursor = self._db.cursor()
        cursor.row_factory = sqlite3.Row
        yield from cursor.execute(sql, values)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Change something."""
        self._db.execute(sql, values)

    def execute_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """The same change with the values of each row."""
        self._db.executemany(sql, rows)

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The first value of the first row; None where there is no row."""
        found = self._db.execute(sql, values).fetchone()
        return None if found is None else found[0]

    def insert(self, table: str, row: Sequence[Any]) -> None:
        """Add a row; of its values those that are texts as ``written`` gives them."""
        values = [written(value) if isinstance(value, str) else value for value in row]
        self._db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", values)


def written(text: str) -> str | bytes:
    """A name, or a line with one, as the data base takes it: as bytes where it is no Unicode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def in_range(modified_ns: int) -> int:
    """A time as the data base's whole numbers hold it: a file may say that it was changed in the year 2300."""
    return max(-(2**63), min(modified_ns, 2**63 - 1))


def named(row: sqlite3.Row) -> dict[str, Any]:
    """A row's values by name; what is no Unicode as the file system's functions take it."""
    return {key: os.fsdecode(row[key]) if isinstance(row[key], bytes) else row[key] for key in row.keys()}  # noqa: SIM118


def null(values: Any) -> Any:
    """NaN as null, which JSON has."""
    if isinstance(values, tuple | list):
        return [null(value) for value in values]
    return None if isinstance(values, float) and math.isnan(values) else values


def numbers(values: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else float(value) for value in values)


def text(value: Any) -> Any:
    return json.dumps(value, allow_nan=False) if isinstance(value, tuple | Mapping) else value
