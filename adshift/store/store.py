"""A content-addressed store: a piece of work that was done once is there for every job that needs the very same."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from adshift.errors import AdshiftError
from adshift.store.entries import META, fault, seal, sync
from adshift.store.file_hashes import FileHashes
from adshift.system.locks import NoLocksError, lock
from adshift.system.terminal import tell
from adshift.system.writing import writing

T = TypeVar("T")
Key = Mapping[str, Any]
Make = Callable[[Path, Path | None], None]
PARTIAL, LOCKS, HASHES = "partial", "locks", "hashes"
"""Folders of the root that hold no entries."""
MOST_GB = 1e9


def key_hash(kind: str, key: Key) -> str:
    """SHA-256 of a key, whatever the order of its fields; values are JSON."""
    text = json.dumps({"kind": kind, "key": key}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _anything(_: Path) -> bool:
    return True


class Store:
    """Folders of finished work below ``root``, one an entry, named by the hash of everything that can change it.

    Safe for several processes: an entry is made under its lock in a folder of its own and renamed into place when it is
    whole, so a killed job leaves nothing that could be taken for finished. An entry is read whole when a job first opens
    it: one whose files are not those that were written is made again, as is one that cannot be read. When the entries
    outgrow the limit, the least recently used go first; one that is being read or made stays.

    Args:
        root: the folder; made when first used.
        limit_gb: the entries' total size, 1e9 bytes, > 0 and <= ``MOST_GB``.

    Attributes:
        keeps: whether what is made is there for others.
        made, reused: how many entries of each kind this object made, and found made.
        hashes: of the files that entries are made from.
    """

    keeps = True

    def __init__(self, root: str, limit_gb: float) -> None:
        if not 0 < limit_gb <= MOST_GB:
            raise AdshiftError(
                f"store.limit_gb={limit_gb} must be > 0 and <= {MOST_GB:.0e}; store=off keeps nothing, 20 is the default"
            )
        self.root = Path(root)
        self.limit_bytes = int(limit_gb * 1e9)
        self.hashes = FileHashes(self.root / HASHES)
        self._checked: dict[Path, int] = {}
        self.made: Counter[str] = Counter()
        self.reused: Counter[str] = Counter()

    def fetch(
        self,
        kind: str,
        key: Key,
        make: Make,
        read: Callable[[Path], T],
        enough: Callable[[Path], bool] = _anything,
    ) -> T:
        """What ``read`` finds in the entry's folder, which ``make`` fills if it is not there.

        Args:
            kind: the stage, a name of the root's subfolder.
            key: everything that can change the entry: JSON values.
            make: called with an empty folder to fill, and with the present entry where there is one that is not enough.
            read: opens the entry; what it has opened or mapped stays valid when the entry is removed later.
            enough: whether a present entry will do (a longer one may be wanted).

        Raises:
            AdshiftError: the store's folder cannot be written (full, read-only), or its file system has no locks: a
                store is there to be shared, and without them one job would remove what another reads.
        """
        name = key_hash(kind, key)
        folder = self.root / kind / name
        with self._lock(name, shared=True):
            opened = self._opened(folder, read, enough)
        if opened:
            self.reused[kind] += 1
            return opened[0]
        with self._lock(name):
            opened = self._opened(folder, read, enough, alone=True)  # another job may have made it meanwhile
            if not opened:
                self._fill(folder, kind, key, make)
            (self.reused if opened else self.made)[kind] += 1
            found = opened[0] if opened else self._used(folder, read)
        self._evict()
        return found

    def _opened(
        self, folder: Path, read: Callable[[Path], T], enough: Callable[[Path], bool], *, alone: bool = False
    ) -> list[T]:
        """What a present entry holds; nothing where there is none that will do. ``alone``: one that is broken goes."""
        if not folder.exists():
            return []
        try:
            wrong = self._fault(folder)
            found = [self._used(folder, read)] if not wrong and enough(folder) else []
        except Exception as error:
            if isinstance(error, MemoryError | OSError) and not isinstance(error, FileNotFoundError):
                raise  # the machine's: the bytes are what was written
            wrong, found = f"{type(error).__name__}: {error}".partition("\n")[0], []
        if wrong and alone:
            tell(f"adshift: the store's entry {folder} is broken ({wrong}); it is made again")
            shutil.rmtree(folder, ignore_errors=True)
        return found

    def _fault(self, folder: Path) -> str:
        """As ``entries.fault``, once for an entry that is found whole, as long as no other takes its place."""
        made = (folder / META).stat().st_ino if (folder / META).is_file() else -1
        wrong = "" if self._checked.get(folder) == made else fault(folder)
        if not wrong:
            self._checked[folder] = made
        return wrong

    def _fill(self, folder: Path, kind: str, key: Key, make: Make) -> None:
        partial, outgrown = (self.root / PARTIAL / f"{folder.name}{end}" for end in ("", ".outgrown"))
        started = time.perf_counter()
        try:
            shutil.rmtree(partial, ignore_errors=True)  # of a job that was killed: the lock is ours now
            partial.mkdir(parents=True)
            make(partial, folder if folder.exists() and not fault(folder) else None)  # what is built upon is read anew
            seal(partial, {"kind": kind, "key": key, "seconds": time.perf_counter() - started})
            folder.parent.mkdir(parents=True, exist_ok=True)
            if folder.exists():  # moved, not removed: a kill between two renames is all that could lose it
                shutil.rmtree(outgrown, ignore_errors=True)
                folder.rename(outgrown)
            partial.rename(folder)
            sync(folder.parent)
            self._checked[folder] = (folder / META).stat().st_ino
        except OSError as error:
            raise AdshiftError(
                f"store.root={self.root} cannot be written ({error.strerror or error}); free some space there, set "
                "store.root=FOLDER, or use store=off"
            ) from error
        finally:
            for rest in (partial, outgrown):
                shutil.rmtree(rest, ignore_errors=True)

    def _used(self, folder: Path, read: Callable[[Path], T]) -> T:
        os.utime(folder / META)
        return read(folder)

    @contextmanager
    def _lock(self, name: str, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
        locks = self.root / LOCKS
        try:
            locks.mkdir(parents=True, exist_ok=True)
            handle = (locks / name).open("a")
        except OSError as error:
            raise AdshiftError(
                f"store.root={self.root} cannot be used ({error.strerror}); set store.root=FOLDER, or use store=off"
            ) from error
        with handle:  # closing it, or the end of the process however it ends, releases the lock
            try:
                lock(handle, shared=shared, wait=wait, what=f"the entry {name} of store.root={self.root}")
            except NoLocksError as error:
                raise AdshiftError(
                    f"store.root={self.root} is on a file system without locks ({error.strerror}), where processes "
                    "cannot share a store; set store.root=FOLDER on another, or use store=off"
                ) from error
            yield

    def _evict(self) -> None:
        """Remove the least recently used entries beyond the limit, and what killed jobs left."""
        used: list[tuple[float, int, Path]] = []
        for meta in self.root.glob(f"*/*/{META}"):
            try:
                used.append((meta.stat().st_mtime, int(json.loads(meta.read_text())["bytes"]), meta.parent))
            except (OSError, ValueError, KeyError, TypeError, OverflowError):
                continue
        total = sum(size for _, size, _ in used)
        for _, size, folder in sorted(used):
            if total <= self.limit_bytes:
                break
            if self._removed(folder):
                total -= size
        for partial in (self.root / PARTIAL).glob("*"):
            self._removed(partial)

    def _removed(self, folder: Path) -> bool:
        """Whether ``folder`` could be removed: nobody reads or makes it."""
        try:
            with self._lock(folder.name, wait=False):
                shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            return False
        return True


class NoStore:
    """Keeps nothing: each piece of work is made in a temporary folder that is gone when it has been opened.

    Attributes:
        keeps, made, reused, hashes: as in ``Store``; nothing is ever reused, and hashes are remembered here alone.
    """

    keeps = False

    def __init__(self) -> None:
        self.hashes = FileHashes()
        self.made: Counter[str] = Counter()
        self.reused: Counter[str] = Counter()

    def fetch(
        self,
        kind: str,
        key: Key,
        make: Make,
        read: Callable[[Path], T],
        enough: Callable[[Path], bool] = _anything,
    ) -> T:
        """See ``Store.fetch``; the files take room in the system's temporary folder until the process lets go."""
        with tempfile.TemporaryDirectory(prefix=f"adshift-{kind}-") as folder, writing(Path(tempfile.gettempdir())):
            make(Path(folder), None)
            self.made[kind] += 1
            return read(Path(folder))


AnyStore = Store | NoStore
