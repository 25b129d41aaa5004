"""A row an image, written as it comes: predictions.csv and predictions.jsonl."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from adshift.system.writing import writing

CSV = "predictions.csv"
JSON_LINES = "predictions.jsonl"


@dataclass(frozen=True)
class Row:
    """What is told of one image; paths of pictures are relative to the output folder.

    Attributes:
        path: of the image.
        score: raw; None for an image that could not be read, or whose score is not finite.
        threshold: None where the run has none.
        decision: 1 anomalous, 0 not; None where nothing was decided.
        overlay: the picture; empty where none was drawn.
        map: the anomaly map; empty where none was written.
        error: why the image has no score; empty where it has one.
        p_value: share of good images that score at least as high, as far as the calibration images tell; None where the
            run kept no scores of them.
    """

    path: str
    score: float | None
    threshold: float | None
    decision: int | None
    overlay: str = ""
    map: str = ""
    error: str = ""
    p_value: float | None = None


class RowWriter:
    """Appends rows to both files; each row is on the disk's way before the next image is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._files: list[IO[str]] = [
            (folder / name).open("w", newline="", encoding="utf-8", errors="surrogateescape")
            for name in (CSV, JSON_LINES)
        ]
        self._csv: Any = csv.writer(self._files[0], lineterminator="\n")
        self._csv.writerow([field.name for field in fields(Row)])

    def write(self, row: Row) -> None:
        """Append one row: scores with all their digits, empty (null) where there is none."""
        with writing(self._folder):
            self._csv.writerow(["" if v is None else repr(v) if isinstance(v, float) else v for v in astuple(row)])
            self._files[1].write(json.dumps(asdict(row), allow_nan=False) + "\n")
            for file in self._files:
                file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with writing(self._folder):
            for file in self._files:
                file.close()
