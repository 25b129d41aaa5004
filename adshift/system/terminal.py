"""The one place that writes to the terminal: names that strangers chose reach it spelt out, never as its commands."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from adshift.errors import printable

if TYPE_CHECKING:
    from tqdm import tqdm


def say(text: object = "") -> None:
    """Write lines to stdout; what does not print in them is spelt out."""
    print(_lines(text))


def tell(text: object) -> None:
    """Write lines to stderr, as ``say`` does: a warning, a mistake, what is waited for."""
    print(_lines(text), file=sys.stderr)


def tell_above(bar: tqdm, text: object) -> None:  # type: ignore[type-arg]
    """``tell`` while a progress bar is drawn."""
    bar.write(_lines(text), file=sys.stderr)


def _lines(text: object) -> str:
    return "\n".join(map(printable, str(text).split("\n")))
