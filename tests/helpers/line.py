"""Data bases of a watch that nothing was judged for, and the words of their pages."""

from __future__ import annotations

import dataclasses
import math
import re
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from adshift.watch.book import Book
from adshift.watch.page import write_page
from adshift.watch.records import Epoch, Part

NOW = datetime(2026, 3, 5, 12, 0, 0).timestamp()
STREAMS = ("anomaly score", "light", "sharpness")
EPOCH = Epoch(
    1, NOW - 9e5, "outputs/bottle", "ab", 1.0, "conformal", 0.05, 40, 0.01, 0, ((0.1, 0.2),), "the watch began"
)
LIMIT = math.log(100)
EVIL = "<img src=x onerror=window.hacked=1>\"'&"
TOLD: dict[str, Any] = {
    "words": ["light 18 % lower, mostly at the left"],
    "promise": "Nothing is promised until a repair.",
    "commands": ["python -m adshift.advise run=RUN domain=photos"],
    "pictures": "alarms/1 a.png",
    "photographs": {"folder": "photographs/1", "count": 34, "wanted": 60},
    "repaired": "outputs/repaired",
}


def part(number: int, score: float | None = 0.5, threshold: float | None = 1.0, **more: Any) -> Part:
    decision = None if threshold is None or score is None else int(score >= threshold)
    values = {"p_value": 0.25, "level": 0.0, "levels": (0.0, -1.0, -2.0)} if score is not None else {"p_value": None}
    made = Part(number, 1, f"/line/{number}.png", f"{number:064x}", 1, number, NOW - 600 + number, score, threshold,
                decision, **values)  # fmt: skip
    return dataclasses.replace(made, **more)


def filled(book: Book, *parts: Part, epoch: Epoch = EPOCH) -> Book:
    with book.transaction():
        book.begin(epoch)
        for one in parts:
            book.add(one)
    return book


def many(book: Book, first: int, last: int, epoch: int = 1) -> None:
    """Parts that no two look alike, made by the data base itself; each 97th could not be read."""
    list(book.query("""
        WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO parts SELECT i, ?, '/line/' || i || '.png', printf('%064x', i), 1, i, ? + i,
            CASE WHEN i % 97 THEN 0.5 + (i * 7919 % 1009) / 2000.0 END, 1.0,
            CASE WHEN i % 97 THEN i * 7919 % 1009 >= 1000 END, 0.5, CASE WHEN i % 97 THEN '' ELSE 'not read' END, '',
            NULL, NULL, CASE WHEN i % 97 THEN (i * 31 % 101) / 50.0 END, '', '' FROM n""",
        (first, last, epoch, NOW - 1e5)))  # fmt: skip


class Words(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def page_of(book: Book, folder: Path, running: bool = True, **more: Any) -> Words:
    path = write_page(book, folder / "out", now=NOW, running=running, streams=STREAMS, **more)
    assert path == folder / "out" / "index.html"
    words = Words()
    words.feed(re.sub(r"(?s)<(style|script)>.*?</\1>", "", path.read_text(encoding="utf-8")))
    words.text = re.sub(r"\s+", " ", words.text)  # a space that does not break is one too
    return words
