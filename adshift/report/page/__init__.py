"""The files that the project's pages are made of, and what a Content-Security-Policy calls them."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files


def page_part(name: str) -> str:
    """A file of the page: its template, style or script."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def content_hash(text: str) -> str:
    """The hash by which a Content-Security-Policy allows this style or script and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
