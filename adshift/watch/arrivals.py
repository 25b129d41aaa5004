"""Which images of a folder are new and whole, in the order in which they came."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from adshift.data.listing import REASONS, has_suffix, is_hidden, walk
from adshift.data.outputs import is_output
from adshift.errors import AdshiftError
from adshift.system.terminal import tell
from adshift.watch.notices import Notices

ROOM = 4096
"""Files that are kept in mind at a time; where more wait, the folder is looked through again for the rest."""
SLICE = 0.02
"""Seconds that looking through the folder may hold up a file that is whole."""


@dataclass
class Waiting:
    """A file that is not judged yet.

    Attributes:
        size, modified_ns: as last seen.
        due: from when on it is to be read, on the clock of ``time.monotonic``.
        still_since: since when it has not changed, on the same clock.
    """

    size: int
    modified_ns: int
    due: float
    still_since: float


class Arrivals:
    """New images of a folder and those below it.

    A file is read as soon as the system says that its writer has closed it or that it was renamed into place; one that
    was found in another way (at the start, on a network share, whose other machines' writes raise no notice here) when it
    has not changed for ``settle`` seconds. What cannot be decoded then may still be growing: it is tried again when it has
    changed, and given up when it has not for ``patience`` seconds.

    Args:
        source: the folder.
        known: whether a file of this path, size and time of change has been judged.
        settle: seconds.
        patience: seconds.
        poll: seconds between two looks at the whole folder.
        notices: whether the system's notices are asked for; where there are none the looks alone find files.

    Raises:
        AdshiftError: the system gives no notices, or the package for them is missing.
    """

    def __init__(
        self, source: Path, known: Callable[[str, int, int], bool], settle: float, patience: float, poll: float,
        notices: bool = True,
    ) -> None:  # fmt: skip
        self._source = source
        self._known = known
        self._settle = settle
        self._patience = patience
        self._poll = poll
        self._waiting: dict[str, Waiting] = {}
        self._notices = Notices(source, ROOM) if notices else None
        self._look = 0.0  # when the whole folder is looked at again
        self._left_out = False
        self._looking: Iterator[None] | None = None
        self._unlisted: frozenset[str] = frozenset()

    def close(self) -> None:
        """No further notices."""
        if self._notices is not None:
            self._notices.close()

    def take(self, wait: float) -> str | None:
        """The earliest file that is whole; None where there is none within ``wait`` seconds."""
        until = time.monotonic() + wait
        while True:
            now = time.monotonic()
            self._look_on(now)
            self._heed_all()
            found = self._ready(now)
            if found is not None or now >= until:
                return found
            if self._looking is not None:
                continue
            dues = [w.due for w in self._waiting.values()]
            self._rest(max(0.0, min([until, self._look, *dues]) - now))

    def _rest(self, seconds: float) -> None:
        """Wait, at most until a notice comes."""
        if self._notices is None:
            time.sleep(seconds)
        elif (notice := self._notices.next(seconds)) is not None:
            self._heed(*notice, time.monotonic())

    def _heed_all(self) -> None:
        """Take in the notices that are there; where some were lost, the folder is looked at instead."""
        while self._notices is not None and (notice := self._notices.next()) is not None:
            self._heed(*notice, time.monotonic())
        if self._notices is not None and self._notices.lost():
            self._look = 0.0

    def idle(self) -> bool:
        """Whether, as far as is known, nothing waits; looks at the whole folder."""
        self._heed_all()
        for _ in self._scan():
            pass
        if not self._waiting and self._unlisted:
            raise AdshiftError(min(self._unlisted))
        return not self._waiting

    def done(self, path: str) -> None:
        """The file has been judged."""
        self._waiting.pop(path, None)
        if self._left_out and len(self._waiting) <= ROOM // 2:
            self._look, self._left_out = 0.0, False

    def unreadable(self, path: str) -> bool:
        """The file could not be decoded; returns whether it is given up, else it is tried again."""
        now = time.monotonic()
        waiting = self._waiting.get(path)
        if waiting is None:
            return True
        stat = _stat(path)
        if stat is None:
            self.done(path)
            return False
        self._changed(waiting, stat, now, now + self._settle)
        age = self._age(stat.st_mtime_ns)
        if max(age, now - waiting.still_since) >= self._patience and now - waiting.still_since >= self._settle:
            return True
        waiting.due = now + min(self._settle, self._patience)
        return False

    def _age(self, modified_ns: int) -> float:
        """Seconds since a file's last change, as far as its time can be trusted: a share's is another machine's clock."""
        return 0.0 if self._notices is None else time.time() - modified_ns / 1e9

    def _look_on(self, now: float) -> None:
        """Look through the folder where it is time, a slice of time after another."""
        if self._looking is None and now >= self._look:
            self._look = now + self._poll
            if self._notices is not None:
                self._notices.renew()
            self._looking = self._scan()
        end = now + SLICE
        while self._looking is not None and time.monotonic() < end:
            if next(self._looking, self) is self:
                self._looking = None

    def _scan(self) -> Iterator[None]:
        """Take in the new images of the folder, as far as there is room, the earliest first; in small steps.

        What cannot be listed is told once, and looked at again the next time: a network share comes back.
        """
        found: list[tuple[int, str, int]] = []
        unlisted: list[str] = []
        for entry, _ in walk(self._source, dict.fromkeys(REASONS, 0), on_error=unlisted.append):
            yield
            if not has_suffix(entry.name) or is_hidden(entry.name) or entry.path in self._waiting:
                continue
            stat = _stat(entry.path)
            if stat is not None and not self._known(entry.path, stat.st_size, stat.st_mtime_ns):
                found.append((stat.st_mtime_ns, entry.path, stat.st_size))
                if len(found) >= 2 * ROOM:
                    found = sorted(found)[:ROOM]
        for why in sorted(set(unlisted) - self._unlisted):
            tell(f"adshift: {why}; it is looked at again")
        self._unlisted = frozenset(unlisted)
        now, room = time.monotonic(), max(0, ROOM - len(self._waiting))
        self._left_out = len(found) > room
        for modified_ns, path, size in sorted(found)[:room]:
            stat = _stat(path)
            if stat is not None and not self._known(path, stat.st_size, stat.st_mtime_ns):  # judged in the meantime
                settled = self._age(modified_ns) >= self._settle
                self._waiting.setdefault(path, Waiting(size, modified_ns, now if settled else now + self._settle, now))

    def _heed(self, path: str, whole: bool, now: float) -> None:
        """A notice of the system: something was written, or (``whole``) closed or renamed into place."""
        name = os.path.basename(path)
        if os.path.isdir(path):
            self._look = now  # a folder with all that is in it
        if not has_suffix(name) or is_hidden(name) or self._passed_over(path):
            return
        stat = _stat(path)
        if stat is None:
            self._waiting.pop(path, None)
            return
        waiting = self._waiting.get(path)
        if waiting is None:
            if self._known(path, stat.st_size, stat.st_mtime_ns):
                return
            if len(self._waiting) >= ROOM:
                self._left_out = True
                return
            waiting = self._waiting[path] = Waiting(stat.st_size, stat.st_mtime_ns, now, now)
            waiting.due = now if whole else now + self._settle
            return
        self._changed(waiting, stat, now, now if whole else now + self._settle)
        if whole:
            waiting.due = now

    def _passed_over(self, path: str) -> bool:
        """Whether it lies in a folder that is hidden, or that a program of adshift writes into."""
        above = Path(path).relative_to(self._source).parents
        return any(is_hidden(folder.name) or (folder.name and is_output(self._source / folder)) for folder in above)

    def _changed(self, waiting: Waiting, stat: os.stat_result, now: float, due: float) -> None:
        if (waiting.size, waiting.modified_ns) != (stat.st_size, stat.st_mtime_ns):
            waiting.size, waiting.modified_ns = stat.st_size, stat.st_mtime_ns
            waiting.still_since, waiting.due = now, due

    def _ready(self, now: float) -> str | None:
        """The earliest file that is due and as it was when it was last looked at."""
        for path, waiting in sorted(self._waiting.items(), key=lambda item: (item[1].modified_ns, item[0])):
            if waiting.due > now:
                continue
            stat = _stat(path)
            if stat is None:
                del self._waiting[path]
                continue
            self._changed(waiting, stat, now, now + self._settle)
            if waiting.due <= now:
                return path
        return None


def _stat(path: str) -> os.stat_result | None:
    """None where there is no such file (any more), or something else."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found if S_ISREG(found.st_mode) else None
