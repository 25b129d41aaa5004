"""The sentences that a reader of a page sees."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

UNSEEN = {"script", "style", "title", "svg", "noscript", "nav"}
BLOCKS = {"p", "li", "figcaption", "h1", "h2", "h3", "td", "th", "summary", "option", "label", "button"}
CELLS = {"td", "th", "option", "label", "button", "a"}


class _Blocks(HTMLParser):
    """The visible text of each block; a cell of a table counts where it is a sentence, with a full stop."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[str] = []
        self._open: list[str] = []
        self._text = ""
        self._block = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSEEN:
            self._open.append(tag)
        if tag in BLOCKS:
            self._end()
            self._block = tag

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag == self._open[-1]:
            self._open.pop()
        if tag in BLOCKS:
            self._end()

    def handle_data(self, data: str) -> None:
        if not self._open:
            self._text += data

    def _end(self) -> None:
        text = " ".join(self._text.split())
        if text and (self._block not in CELLS or text.endswith(".")):
            self.blocks.append(text)
        self._text, self._block = "", ""


def sentences(page: str) -> list[str]:
    """Every sentence of a page's visible text, in its order."""
    parser = _Blocks()
    parser.feed(page)
    return [part for block in parser.blocks for part in re.split(r"(?<=[.!?])\s+(?=[A-ZÄÖÜ])", block)]


def repeated(page: str) -> list[str]:
    """The sentences that stand on a page more than once."""
    return [sentence for sentence, n in Counter(sentences(page)).items() if n > 1]
