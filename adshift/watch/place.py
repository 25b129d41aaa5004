"""Where a watch is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
