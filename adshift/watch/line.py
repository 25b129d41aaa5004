"""The line: a file at a time to a judged part, its evidence, perhaps an alarm, in one transaction."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from adshift.drift.evidence import Evidence
from adshift.errors import AdshiftError
from adshift.prediction.detector import Detector, Prediction
from adshift.prediction.pictures import Pictures
from adshift.prediction.rows import Row, RowWriter
from adshift.system.hashes import file_sha256
from adshift.watch import alarm as alarms
from adshift.watch.book import Alarm, Book, Epoch, Part
from adshift.watch.epochs import has_several
from adshift.watch.judge import Judged, judge
from adshift.watch.photographs import before_and_after, collect
from adshift.watch.streams import STREAMS

SHOWN = 4
"""Pictures of before, and of after, that an alarm shows."""

UNREAD = ""
"""In the place of the SHA-256 of a file that could not be read."""


@dataclass(frozen=True)
class Place:
    """Where a watch is and what it was told, as its messages need it.

    Attributes:
        folder: the output folder.
        source: what is watched, as it was given.
        data_root: where the images of the fit lie now; None: where they lay.
        watch: the data base's own id, which every message's id begins with.
        outlets: the names of those who are told.
        photographs: how many a repair waits for.
        most_pictures: of parts that are kept; 0 has no limit.
    """

    folder: Path
    source: str
    data_root: str | None
    watch: str
    outlets: tuple[str, ...]
    photographs: int
    most_pictures: int


class Line:
    """One epoch of a watch.

    Args:
        book: the data base, with the epoch in it.
        epoch: this one.
        evidence: as it stands.
        detector: of the epoch's run.
        home: the run whose model that is.
        drawer: of the parts' pictures.
        rows: open for writing, with the rows of all earlier parts.
        place: of the watch.
    """

    def __init__(
        self, book: Book, epoch: Epoch, evidence: Evidence, detector: Detector, home: str, drawer: Pictures,
        rows: RowWriter, place: Place,
    ) -> None:  # fmt: skip
        self._book = book
        self.epoch = epoch
        self._evidence = evidence
        self._detector = detector
        self._home = home
        self._drawer = drawer
        self._rows = rows
        self._place = place
        self._mark: tuple[object, int] | None = None
        own = [a for a in book.alarms() if a.epoch == epoch.epoch]
        self.alarm: Alarm | None = own[-1] if own else None

    def take(self, path: str, final: bool) -> Part | None:
        """Judge a file, unless its bytes were judged under this path before.

        Args:
            path: of the file.
            final: whether one that cannot be decoded becomes a part with an error; else it is raised.

        Returns:
            the part; None where there is none: the bytes are known, or the file changed or went while it was read.

        Raises:
            AdshiftError: the file cannot be decoded.
        """
        try:
            stat = Path(path).stat()
            sha256 = file_sha256(Path(path))
        except OSError as error:
            why = f"{path} cannot be read ({error.strerror}); make it readable, and touch it"
            if not final:
                raise AdshiftError(why) from error
            return self._unread(path, why)
        if self._book.seen(path, sha256):
            self._book.touched(path, sha256, stat.st_size, stat.st_mtime_ns)
            return None
        try:
            judged = judge(self._detector, Path(path), sha256)
        except AdshiftError as error:
            if not final:
                raise
            judged = Judged((), None, str(error))
        part = self._part(path, sha256, stat, judged)
        if judged.found is not None:
            part = self._scored(part, replace(judged.found, name=path))
        return self._keep(part)

    def _part(self, path: str, sha256: str, stat: os.stat_result, judged: Judged) -> Part:
        return Part(
            self._book.last_number() + 1, self.epoch.epoch, path, sha256, stat.st_size, stat.st_mtime_ns, 0.0,
            None, self._detector.threshold, None, None, judged.error, judged.note, judged.looks,
        )  # fmt: skip

    def _unread(self, path: str, why: str) -> Part | None:
        """A file that is there and whose bytes the system does not give, as a part with an error; None where it went."""
        try:
            stat = Path(path).stat()
        except OSError:
            return None
        if self._book.seen(path, UNREAD):
            self._book.touched(path, UNREAD, stat.st_size, stat.st_mtime_ns)
            return None
        return self._keep(self._part(path, UNREAD, stat, Judged((), None, why)))

    def _scored(self, part: Part, found: Prediction) -> Part:
        overlay = map_ = ""
        if self._drawer.wanted(found):
            try:
                overlay, map_ = self._drawer.draw(part.number, found)
            except AdshiftError:  # gone since
                overlay = map_ = ""
        decision = None if found.anomalous is None else int(found.anomalous)
        return replace(part, score=found.score, decision=decision, p_value=found.p_value, overlay=overlay, map=map_)

    def _keep(self, part: Part) -> Part:
        """The part and all that follows from it, on the disk."""
        with self._book.transaction():
            part = replace(part, judged=time.time())
            if part.score is not None:
                joined = self._evidence.update(part.number, (part.score, *part.looks))
                levels = self._evidence.levels()
                part = replace(part, levels=tuple(round(level, 6) for level in levels), level=max(levels))
                self._book.keep_evidence(self._evidence, joined)
            self._book.add(part)
            self._book.post(self._place.outlets, "image", self._message(part), part.judged)
            if self.alarm is None and part.score is not None and self._evidence.over():
                self._sound(part)
            stale = self._book.drop_pictures(self._place.most_pictures) if self._place.most_pictures else []
        for name in (name for pair in stale for name in pair if name):
            (self._place.folder / name).unlink(missing_ok=True)
        self._rows.write(row_of(part))
        return part

    def _message(self, part: Part) -> dict[str, Any]:
        shown = asdict(row_of(part))
        return {"id": f"{self._place.watch}:part:{part.number}", "kind": "image", "number": part.number, **shown}

    # Alarms

    def _sound(self, part: Part) -> None:
        over = self._evidence.over()
        streams = tuple(STREAMS[i].name for i in over)
        since = min(alarms.since_of(self._book, self.epoch, self._detector.normals, streams[0]), part.number)
        number = len(self._book.alarms()) + 1
        shutil.rmtree(self._own(number), ignore_errors=True)  # of another data base, or of a program that was killed
        told = self._told(number, since, streams)
        self.alarm = Alarm(
            number, self.epoch.epoch, part.number, part.judged, streams, self._evidence.level(), since, told
        )
        self._book.sound(self.alarm)
        self._book.post(
            self._place.outlets, "alarm", alarm_message(self._place.watch, self.alarm, "sounded"), part.judged
        )

    def _told(self, number: int, since: int, streams: Sequence[str]) -> Mapping[str, Any]:
        """What is told of an alarm as things stand; its photographs and its picture are brought up to date."""
        book, epoch, place = self._book, self.epoch, self._place
        before, after = (f(book, epoch.epoch, since) for f in (alarms.parts_before, alarms.parts_since))
        own = self._own(number)
        photographs, picture = own / "photographs", own / "before_and_after.png"
        labels = book.labels()
        said, others = alarms.photographable(book, epoch.epoch, since)
        count = collect(photographs, said, others, labels, place.photographs)
        shown = [[Path(p.path) for p in alarms.nearest_the_middle(parts[-50:], SHOWN)] for parts in (before, after)]
        drawn = before_and_after(picture, *shown)
        words = alarms.words(epoch, self._detector.normals, before, after, streams)
        commands = alarms.commands(self._home, photographs, place.source, place.folder, place.data_root)
        if has_several(Path(self._home)):
            words, commands = [*words, alarms.SEVERAL], []
        return alarms.as_json(
            words,
            alarms.promise(epoch, after),
            commands,
            picture.relative_to(place.folder).as_posix() if drawn else "",
            photographs, count, place.photographs,
        )  # fmt: skip

    def _own(self, number: int) -> Path:
        return self._place.folder / "alarms" / f"{number:03}"

    @property
    def collected(self) -> bool:
        """Whether there is an alarm with as many photographs as a repair waits for."""
        return self.alarm is not None and self.alarm.told["photographs"]["count"] >= self._place.photographs

    def gather(self) -> bool:
        """Bring the alarm's account up to date: after parts while photographs are wanted, and after labels.

        Returns:
            whether this made the photographs enough.
        """
        if self.alarm is None:
            return False
        already, mark = self.collected, (self._book.labels_mark(), 0 if self.collected else self._book.last_number())
        if mark == self._mark:
            return False
        self._mark = mark
        told = self._told(self.alarm.alarm, self.alarm.since, self.alarm.streams)
        self.alarm = replace(self.alarm, told=told)
        with self._book.transaction():
            self._book.tell(self.alarm.alarm, told)
            if self.collected and not already:
                message = alarm_message(self._place.watch, self.alarm, "photographs")
                self._book.post(self._place.outlets, "alarm", message, time.time())
        return self.collected and not already


def alarm_message(watch: str, alarm: Alarm, what: str) -> dict[str, Any]:
    """What others are told of an alarm; ``what`` has happened to it is part of the message's id."""
    shown = {key: value for key, value in asdict(alarm).items() if key != "alarm"}
    return {"id": f"{watch}:alarm:{alarm.alarm}:{what}", "kind": "alarm", "what": what, "alarm": alarm.alarm, **shown}


def row_of(part: Part) -> Row:
    """The row that predict.py would write."""
    return Row(part.path, part.score, part.threshold, part.decision, part.overlay, part.map, part.error, part.p_value)
