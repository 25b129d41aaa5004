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
from adshift.system.locks import NoLocksError, lock
from adshift.system.writing import writing

T = TypeVar("T")
Key = Mapping[str, Any]
Make = Callable[[Path, Path | None], None]
META = "meta.json"


def key_hash(kind: str, key: Key) -> str:
    """SHA-256 of a key, whatever the order of its fields; values are JSON."""
    text = json.dumps({"kind": kind, "key": key}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _anything(_: Path) -> bool:
    return True


class Store:
    """Folders of finished work below ``root``, one an entry, named by the hash of everything that can change it.

    Safe for several processes: an entry is made under its lock in a folder of its own and renamed into place when it is
    whole, so a killed job leaves nothing that could be taken for finished. An entry whose files have other sizes than
    they were written with is made again. When the entries outgrow the limit, the least recently used go first; one that
    is being read or made stays.

    Args:
        root: the folder; made when first used.
        limit_gb: the entries' total size, 1e9 bytes, > 0.

    Attributes:
        keeps: whether what is made is there for others.
        made, reused: how many entries of each kind this object made, and found made.
    """

    keeps = True

    def __init__(self, root: str, limit_gb: float) -> None:
        if not limit_gb > 0:
            raise AdshiftError(f"store.limit_gb={limit_gb} must be > 0; store=off keeps nothing")
        self.root = Path(root)
        self.limit_bytes = int(limit_gb * 1e9)
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
            if _whole(folder) and enough(folder):
                self.reused[kind] += 1
                return self._used(folder, read)
        with self._lock(name):
            made = not (_whole(folder) and enough(folder))  # another job may have made it while this one waited
            if made:
                self._fill(folder, kind, key, make)
            (self.made if made else self.reused)[kind] += 1
            found = self._used(folder, read)
        self._evict()
        return found

    def _fill(self, folder: Path, kind: str, key: Key, make: Make) -> None:
        partial, outgrown = (self.root / "partial" / f"{folder.name}{end}" for end in ("", ".outgrown"))
        started = time.perf_counter()
        try:
            shutil.rmtree(partial, ignore_errors=True)  # of a job that was killed: the lock is ours now
            partial.mkdir(parents=True)
            make(partial, folder if _whole(folder) else None)
            files = {path.name: path.stat().st_size for path in sorted(partial.iterdir())}
            seconds = time.perf_counter() - started
            meta = {"kind": kind, "key": key, "files": files, "bytes": sum(files.values()), "seconds": seconds}
            (partial / META).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
            for path in partial.iterdir():
                _sync(path)
            folder.parent.mkdir(parents=True, exist_ok=True)
            if folder.exists():  # moved, not removed: a kill between two renames is all that could lose it
                shutil.rmtree(outgrown, ignore_errors=True)
                folder.rename(outgrown)
            partial.rename(folder)
            _sync(folder.parent)
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
        locks = self.root / "locks"
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
            except (OSError, ValueError, KeyError, TypeError):
                continue
        total = sum(size for _, size, _ in used)
        for _, size, folder in sorted(used):
            if total <= self.limit_bytes:
                break
            if self._removed(folder):
                total -= size
        for partial in (self.root / "partial").glob("*"):
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
        keeps, made, reused: as in ``Store``; nothing is ever reused.
    """

    keeps = False

    def __init__(self) -> None:
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


def _whole(folder: Path) -> bool:
    try:
        files = json.loads((folder / META).read_text(encoding="utf-8"))["files"]
        return all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
