"""The line: a file at a time to a judged part, its evidence, perhaps an alarm, in one transaction."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from adshift.drift.evidence import Evidence
from adshift.errors import AdshiftError
from adshift.prediction.detector import Detector, Prediction
from adshift.prediction.pictures import Pictures
from adshift.prediction.rows import Row, RowWriter
from adshift.system.hashes import file_sha256
from adshift.watch.account import Account
from adshift.watch.book import Book
from adshift.watch.judge import Judged, judge
from adshift.watch.outbox import Outbox
from adshift.watch.place import Place
from adshift.watch.records import Epoch, Part
from adshift.watch.streams import STREAMS

UNREAD = ""
"""In the place of the SHA-256 of a file that could not be read."""


class Line:
    """One epoch of a watch.

    Args:
        book: the data base, with the epoch in it.
        epoch: this one.
        evidence: as it stands.
        detector: of the epoch's run.
        account: of the epoch's alarm.
        drawer: of the parts' pictures.
        rows: open for writing, with the rows of all earlier parts.
        place: of the watch.
        group_of: the series of a part by its path; empty where it is one by itself.
    """

    def __init__(
        self, book: Book, epoch: Epoch, evidence: Evidence, detector: Detector, account: Account, drawer: Pictures,
        rows: RowWriter, place: Place, group_of: Callable[[str], str],
    ) -> None:  # fmt: skip
        self._book = book
        self._pool = book.pool(epoch.seed)
        self._group_of = group_of
        self._outbox = Outbox(book)
        self.epoch = epoch
        self._evidence = evidence
        self._detector = detector
        self.account = account
        self._drawer = drawer
        self._rows = rows
        self._place = place

    def take(self, path: str, final: bool) -> Part | None:
        """Judge a file, unless its bytes were judged under this path before.

        Args:
            path: of the file.
            final: whether one that cannot be read or decoded becomes a part with an error; else it is raised.

        Returns:
            the part; None where there is none: the bytes are known, or the file is gone.

        Raises:
            AdshiftError: the file cannot be read or decoded.
        """
        try:
            stat = os.stat(path)
            sha256, why = file_sha256(Path(path)), ""
        except FileNotFoundError:
            return None
        except OSError as error:
            sha256, why = UNREAD, f"{path} cannot be read ({error.strerror}); make it readable, and touch it"
            if not final:
                raise AdshiftError(why) from error
        if self._book.seen(path, sha256):
            self._book.touched(path, sha256, stat.st_size, stat.st_mtime_ns)
            return None
        judged = Judged((), None, why) if why else self._judged(Path(path), sha256, final)
        part = Part(
            self._book.last_number() + 1, self.epoch.epoch, path, sha256, stat.st_size, stat.st_mtime_ns, 0.0,
            None, self._detector.threshold, None, None, judged.error, judged.note, judged.looks,
        )  # fmt: skip
        return self._keep(part if judged.found is None else self._scored(part, replace(judged.found, name=path)))

    def _judged(self, path: Path, sha256: str, final: bool) -> Judged:
        try:
            return judge(self._detector, path, sha256)
        except AdshiftError as error:
            if not final:
                raise
            return Judged((), None, str(error))

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
                for number, values in self._pool.take(
                    part.number, self._group_of(part.path), (part.score, *part.looks)
                ):
                    self._book.keep_evidence(self._evidence, self._evidence.update(number, values))
                self._book.keep_pool(self._pool)
                levels = self._evidence.levels()
                part = replace(part, levels=tuple(round(level, 6) for level in levels), level=max(levels))
            self._book.add(part)
            message = {"id": f"{self._place.watch}:part:{part.number}", "kind": "image", "number": part.number}
            self._outbox.post(self._place.outlets, "image", message | asdict(row_of(part)), part.judged)
            over = [STREAMS[i].name for i in self._evidence.over()]
            if over and part.score is not None and self.account.alarm is None:
                self.account.sound(part, over, self._evidence.level())
            stale = self._book.drop_pictures(self._place.most_pictures) if self._place.most_pictures else []
        for name in (name for pair in stale for name in pair if name):
            (self._place.folder / name).unlink(missing_ok=True)
        self._rows.write(row_of(part))
        return part


def row_of(part: Part) -> Row:
    """The row that predict.py would write."""
    return Row(part.path, part.score, part.threshold, part.decision, part.overlay, part.map, part.error, part.p_value)
