"""The project's pages: templates that escape all they are given, and the style and script that they hold as they stand."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

FIGURE = re.compile(r"([^\[]+)(\[[^\]]*\])(.*)", re.DOTALL)
"""A figure, its interval, and what follows."""


def render(template: str, **values: Any) -> str:
    """A page from one of this folder's templates and all the values that it names.

    What UTF-8 cannot hold, such as a file name of other bytes, is shown by its escape.
    """
    page = _environment().get_template(template).render(values)
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader(__name__, ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    made.globals["part"] = part
    made.filters |= {"csp_hash": content_hash, "prose": prose, "figure": figure}
    return made


def part(name: str) -> str:
    """A style or script of this folder."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def content_hash(text: str) -> str:
    """The hash by which a Content-Security-Policy allows this style or script and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def prose(words: str) -> str:
    """Words of which each number keeps its percent sign on its line."""
    return re.sub(r"(?<=\d) %", "\u00a0%", words)


def figure(text: str) -> tuple[str, str, str]:
    """A table's cell in three: the figure, its interval with the brackets, and what follows; the last two may be empty.

    Examples:
        >>> figure("97.1 [95.0, 98.2]")
        ('97.1 ', '[95.0, 98.2]', '')
    """
    found = FIGURE.fullmatch(text)
    return (found[1], found[2], found[3]) if found else (text, "", "")
