"""The HTML gallery of a prediction: pages in the images' order, written as they fill, and the highest scores in front."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from adshift.prediction.rows import Row
from adshift.report.page import content_hash, page_part
from adshift.system.atomic import write_text

A_PAGE = 60
TOP = 60
BROKEN = 50
INDEX = "index.html"
LAYOUT = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="adshift.prediction">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="$policy">
<title>$title</title>
<style>$style</style>
</head>
<body>
<header class="top">
<h1>$title</h1>
<p class="summary">$summary</p>
<p class="key">$key</p>
</header>
<div class="top">
<main id="main">
$body
</main>
</div>
</body>
</html>
""")
POLICY = "default-src 'none'; img-src * file:; style-src '{}'; base-uri 'none'; form-action 'none'"
EXTRA = """
.cards { grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); padding: 1rem 0; }
.card img { display: block; width: 100%; height: auto; border-radius: 2px; }
.key { max-width: 44rem; margin: .8rem 0 0; font-size: .88rem; line-height: 1.45; color: var(--soft); }
.key:empty { display: none; }
.turn { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; padding: .8rem 0; }
"""


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
        lines = []
        if self._top:
            shown = sorted(self._top, reverse=True)
            title = "Highest scores" if self._pages else "All pictures, highest score first"
            lines.append(f"<section><h2>{title}</h2>{_cards(shown)}</section>")
        if self._pages:
            links = " ".join(f'<a href="{_page(i)}">{i}</a>' for i in range(1, self._pages + 1))
            lines.append(
                f'<section><h2>All {self.cards} pictures, in their order</h2><nav class="turn" aria-label="Pages">'
                f"{links}</nav></section>"
            )
        if self._broken:
            more = f"<li>and {self.broken - BROKEN} more</li>" if self.broken > BROKEN else ""
            rows = "".join(f"<li>{escape(_shown(row.error))}</li>" for row in self._broken)
            lines.append(f'<section><h2>Not read</h2><ul class="findings">{rows}{more}</ul></section>')
        write_text(self._folder / INDEX, self._layout(summary, "\n".join(lines)))
        return self._folder / INDEX

    def _turn(self, last: bool) -> None:
        self._pages += 1
        number = self._pages
        before = f'<a href="{_page(number - 1)}">earlier</a>' if number > 1 else ""
        after = "" if last else f'<a href="{_page(number + 1)}">later</a>'
        turn = f'<nav class="turn" aria-label="Pages">{before}<a href="{INDEX}">index</a>{after}</nav>'
        body = f"{turn}{_cards(self._waiting)}{turn}"
        write_text(self._folder / _page(number), self._layout(f"Page {number}, in the images' order.", body))
        self._waiting = []

    def _layout(self, summary: str, body: str) -> str:
        style = page_part("style.css") + EXTRA
        policy = POLICY.format(content_hash(style))
        title, said, key = (escape(_shown(text)) for text in (self._title, summary, self._key))
        return LAYOUT.substitute(title=title, summary=said, key=key, body=body, style=style, policy=policy)


def _page(number: int) -> str:
    return f"page-{number:04}.html"


def _cards(cards: list[Card]) -> str:
    return f'<ul class="cards">{"".join(_card(card.row) for card in cards)}</ul>'


def _card(row: Row) -> str:
    name = escape(_shown(row.path))
    words, kind, sign = {
        None: ("not decided", "", ""),
        0: ("normal", " right", "&lt;"),
        1: ("anomalous", " wrong", "&ge;"),
    }[row.decision]
    against = "" if row.threshold is None else f" {sign} {row.threshold:.4g}"
    return (
        f'<li class="card"><a href="{quote(row.map)}" title="anomaly map"><img src="{quote(row.overlay)}" loading="lazy" '
        f'alt="{name}: {words}"></a><p class="tag{kind}">{words}</p><p>{name}</p>'
        f'<p class="who">score {row.score:.4g}{against}</p></li>'
    )


def _shown(text: str) -> str:
    """A text that UTF-8 can hold: a file name of other bytes shows its bad ones as such."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
