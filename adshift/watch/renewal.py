"""The page renewed while a watch runs, in a thread of its own: a part never waits for it."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

from adshift.errors import AdshiftError
from adshift.system.terminal import tell
from adshift.watch.book import Book
from adshift.watch.history import History
from adshift.watch.page import PLACES, write_page
from adshift.watch.streams import STREAMS


class Renewal:
    """Writes the page at once, then every ``seconds``, and at the end.

    Args:
        path: of the data base.
        folder: where the page goes.
        seconds: between two of them.
    """

    def __init__(self, path: Path, folder: Path, seconds: float) -> None:
        self._path = path
        self._folder = folder
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write the page of a watch that has ended."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        book, history, told = Book(self._path), History(PLACES), ""
        try:
            while True:
                running = not self._ended.is_set()
                try:
                    names = [stream.name for stream in STREAMS]
                    write_page(book, self._folder, now=time.time(), running=running, streams=names, history=history)
                    told = ""
                except (OSError, sqlite3.Error, AdshiftError) as error:  # what ends the watch ends it where it judges
                    if str(error) != told:
                        tell(f"adshift: the page could not be written ({error}); the watch goes on")
                    told = str(error)
                if not running:
                    return
                self._ended.wait(self._seconds)
        finally:
            book.close()
