"""What the system tells of the files in a folder and below it, as it happens."""

from __future__ import annotations

import os
import queue
from pathlib import Path
from typing import Any

from adshift.errors import AdshiftError


class Notices:
    """A queue of paths that something was written to.

    Args:
        source: the folder.
        room: notices that are kept; of further ones only that there were some (``lost``).

    Raises:
        AdshiftError: the system gives none, or the package for them is missing.
    """

    def __init__(self, source: Path, room: int) -> None:
        self._source = source
        self._room = room
        self._queue: queue.SimpleQueue[tuple[str, bool]] = queue.SimpleQueue()
        self._lost = False
        self._folder = _identity(source)
        self._observer = self._observed()

    def next(self, seconds: float = 0.0) -> tuple[str, bool] | None:
        """A path, and whether its writer has closed it or it was renamed into place; None where none comes in time."""
        try:
            return self._queue.get(timeout=seconds) if seconds > 0.0 else self._queue.get_nowait()
        except queue.Empty:
            return None

    def lost(self) -> bool:
        """Whether there was no room for some since this was last asked."""
        lost, self._lost = self._lost, False
        return lost

    def renew(self) -> None:
        """Notices are of a folder, not of its name: one that was removed or unmounted and came back is another."""
        now = _identity(self._source)
        if now in (None, self._folder):
            return
        try:
            renewed = self._observed()
        except AdshiftError:  # gone again
            return
        self.close()
        self._observer, self._folder = renewed, now

    def close(self) -> None:
        """No further notices."""
        self._observer.stop()
        self._observer.join()

    def _take(self, path: bytes | str, whole: bool) -> None:
        if self._queue.qsize() < self._room:
            self._queue.put((os.fsdecode(path), whole))
        else:
            self._lost = True

    def _observed(self) -> Any:
        """A thread that puts notices into the queue, started."""
        try:
            from watchdog.events import FileSystemEvent, FileSystemEventHandler
            from watchdog.observers import Observer
        except ImportError as error:
            raise AdshiftError(
                "notices=true needs the package watchdog, which is not installed; pip install 'adshift[watch]', or use "
                "notices=false, which looks at the folder every poll=SECONDS"
            ) from error
        take = self._take

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.event_type == "moved":
                    take(event.dest_path, True)
                elif event.event_type in ("created", "modified", "closed"):
                    take(event.src_path, event.event_type == "closed")

        observer = Observer()
        observer.schedule(Handler(), os.fspath(self._source), recursive=True)
        try:
            observer.start()
        except OSError as error:
            raise AdshiftError(
                f"source={self._source} cannot be watched ({error.strerror}); raise the limit "
                "fs.inotify.max_user_watches, or use notices=false"
            ) from error
        return observer


def _identity(folder: Path) -> tuple[int, int] | None:
    """None where there is no such folder."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
