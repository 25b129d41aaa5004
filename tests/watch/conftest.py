"""What the tests of the watch share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adshift.watch.book import Book


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path / "watch.sqlite", make=True)
    yield made
    made.close()
