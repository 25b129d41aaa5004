"""The HTML gallery of a prediction: pages in the images' order, written as they fill, and the highest scores in front."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adshift.prediction.rows import Row
from adshift.report.page import render
from adshift.system.atomic import write_text

A_PAGE = 60
TOP = 60
BROKEN = 50
INDEX = "index.html"


@dataclass(frozen=True, order=True)
class Card:
    """One picture with its words; cards sort by score."""

    score: float
    place: int
    row: Row


class Pages:
    """Collects the images that have a picture; holds a page's worth and the highest scores, whatever their number.

    Args:
        folder: where the pages go, beside the pictures.
        title: of every page.
        key: how its pictures are read.
    """

    def __init__(self, folder: Path, title: str, key: str = "") -> None:
        self._folder = folder
        self._title = title
        self._key = key
        self._waiting: list[Card] = []
        self._top: list[Card] = []
        self._broken: list[Row] = []
        self._pages = 0
        self.cards = 0
        self.broken = 0

    def add(self, place: int, row: Row) -> None:
        """Take in an image: as a card if it has a picture, as a line if it could not be read."""
        if row.error:
            self.broken += 1
            self._broken += [row] if self.broken <= BROKEN else []
        if row.score is None or not row.overlay:
            return
        if len(self._waiting) == A_PAGE:
            self._turn(last=False)
        card = Card(row.score, -place, row)  # of equal scores the earlier image is kept
        self._waiting.append(card)
        self.cards += 1
        (heapq.heappush if len(self._top) < TOP else heapq.heappushpop)(self._top, card)

    def finish(self, summary: str) -> Path:
        """Write the last page and the index; returns the index."""
        if self._pages:
            self._turn(last=True)
        self._write(
            INDEX,
            "prediction_index.html",
            summary=summary,
            top=[card.row for card in sorted(self._top, reverse=True)],
            pages=[_page(number) for number in range(1, self._pages + 1)],
            pictures=self.cards,
            broken=self._broken,
            more_broken=self.broken - len(self._broken),
        )
        return self._folder / INDEX

    def _turn(self, last: bool) -> None:
        self._pages += 1
        number = self._pages
        self._write(
            _page(number),
            "prediction_page.html",
            summary=f"Page {number}, in the images' order.",
            rows=[card.row for card in self._waiting],
            earlier=_page(number - 1) if number > 1 else None,
            index=INDEX,
            later=None if last else _page(number + 1),
        )
        self._waiting = []

    def _write(self, name: str, template: str, **values: Any) -> None:
        write_text(self._folder / name, render(template, title=self._title, key=self._key, **values))


def _page(number: int) -> str:
    return f"page-{number:04}.html"
