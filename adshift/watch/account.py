"""The account of an epoch's alarm: sounded once, kept up to date while its photographs are collected."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from adshift.watch import alarm as alarms
from adshift.watch.book import Book
from adshift.watch.change_point import since_of
from adshift.watch.epochs import has_several
from adshift.watch.outbox import Outbox
from adshift.watch.photographs import before_and_after, collect
from adshift.watch.place import Place
from adshift.watch.records import Alarm, Epoch, Part

SHOWN = 4
"""Pictures of before, and of after, that an alarm shows."""


class Account:
    """An epoch's alarm, where it has one.

    Args:
        book: the data base, with the epoch in it.
        epoch: whose alarm.
        normals: the scores that the score's evidence began with.
        home: the run whose model judges.
        place: of the watch.
    """

    def __init__(self, book: Book, epoch: Epoch, normals: Sequence[float], home: str, place: Place) -> None:
        self._book = book
        self._outbox = Outbox(book)
        self._epoch = epoch
        self._normals = normals
        self._home = home
        self._place = place
        own = [a for a in book.alarms() if a.epoch == epoch.epoch]
        self.alarm: Alarm | None = own[-1] if own else None
        self._labels: tuple[int, float] | None = None  # those given when the account was last brought up to date
        self._last = 0  # the last part then

    def sound(self, part: Part, streams: Sequence[str], level: float) -> None:
        """The evidence has reached its limit at a part; inside the transaction that adds the part."""
        since = min(since_of(self._book, self._epoch, self._normals, streams[0]), part.number)
        number = len(self._book.alarms()) + 1
        shutil.rmtree(self._own(number), ignore_errors=True)  # of another data base, or of a program that was killed
        told = self._told(number, since, streams)
        self.alarm = Alarm(number, self._epoch.epoch, part.number, part.judged, tuple(streams), level, since, told)
        self._book.sound(self.alarm)
        self._post(self.alarm, "sounded", part.judged)

    @property
    def complete(self) -> bool:
        """Whether there is an alarm with as many photographs as a repair waits for."""
        return self.alarm is not None and _count(self.alarm) >= self._place.photographs

    def renew(self, idle: bool) -> bool:
        """Bring the account up to date where labels were given, or parts came that may be photographs still wanted.

        Beside a busy line that waits until they may be enough, as it takes as long as several parts.

        Returns:
            whether this made the photographs enough.
        """
        if self.alarm is None:
            return False
        labels, last, already = self._book.labels_mark(), self._book.last_number(), self.complete
        due = self._last + (1 if idle else self._place.photographs - _count(self.alarm))
        if labels == self._labels and (already or last < due):
            return False
        self.alarm = replace(self.alarm, told=self._told(self.alarm.alarm, self.alarm.since, self.alarm.streams))
        complete_now = self.complete and not already
        with self._book.transaction():
            self._book.tell(self.alarm.alarm, self.alarm.told)
            if complete_now:
                self._post(self.alarm, "photographs", time.time())
        return complete_now

    def repaired(self, run: Path) -> None:
        """Another run takes over; inside the transaction that begins its epoch."""
        assert self.alarm is not None
        self._book.repaired(self.alarm.alarm, str(run))
        self._post(replace(self.alarm, repaired=str(run)), "repaired", time.time())

    def _told(self, number: int, since: int, streams: Sequence[str]) -> Mapping[str, Any]:
        """What is told as things stand; photographs and picture are brought up to date."""
        book, epoch, place = self._book, self._epoch, self._place
        self._labels, self._last = book.labels_mark(), book.last_number()
        before, after = (f(book, epoch.epoch, since) for f in (alarms.parts_before, alarms.parts_since))
        photographs, picture = self._own(number) / "photographs", self._own(number) / "before_and_after.png"
        said, others = alarms.photographable(book, epoch.epoch, since)
        count = collect(photographs, said, others, book.labels(), place.photographs)
        shown = [[Path(p.path) for p in alarms.nearest_the_middle(parts[-50:], SHOWN)] for parts in (before, after)]
        drawn = before_and_after(picture, *shown)
        words = alarms.words(epoch, self._normals, before, after, streams)
        commands = alarms.commands(self._home, photographs, place.source, place.folder, place.data_root)
        if has_several(Path(self._home)):
            words, commands = [*words, alarms.SEVERAL], []
        return {
            "words": words,
            "promise": alarms.promise(epoch, after),
            "commands": commands,
            "pictures": picture.relative_to(place.folder).as_posix() if drawn else "",
            "photographs": {"folder": str(photographs), "count": count, "wanted": place.photographs},
        }

    def _own(self, number: int) -> Path:
        return self._place.folder / "alarms" / f"{number:03}"

    def _post(self, alarm: Alarm, what: str, at: float) -> None:
        """Tell others; ``what`` has happened to the alarm is part of the message's id."""
        name = f"{self._place.watch}:alarm:{alarm.alarm}:{what}"
        self._outbox.post(
            self._place.outlets, "alarm", {"id": name, "kind": "alarm", "what": what, **asdict(alarm)}, at
        )


def _count(alarm: Alarm) -> int:
    return int(alarm.told["photographs"]["count"])
