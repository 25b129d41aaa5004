"""The one place that writes to the terminal: names that strangers chose reach it spelt out, never as its commands."""

from __future__ import annotations

import sys

from adshift.errors import printable


def say(text: object = "") -> None:
    """Write lines to stdout; what does not print in them is spelt out."""
    print(_lines(text), flush=True)


def tell(text: object) -> None:
    """Write lines to stderr, as ``say`` does: a warning, a mistake, what is waited for."""
    print(_lines(text), file=sys.stderr, flush=True)


def _lines(text: object) -> str:
    return "\n".join(map(printable, str(text).split("\n")))
