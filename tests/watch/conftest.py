"""What the tests of the watch share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from helpers.images import draw_category, tiny_overrides
from helpers.inprocess import run_cell
from helpers.receiver import Receiver

from adshift.watch.book import Book
from adshift.watch.database import NAME


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with closing(Book(tmp_path / NAME, make=True)) as made:
        yield made


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on drawn plates, with a threshold of good images alone; read only."""
    base = tmp_path_factory.mktemp("line")
    draw_category(base, "plate", 60, 3, 3)
    run_cell(base / "run", *tiny_overrides(base), "threshold=conformal")
    return base / "run"


@pytest.fixture
def receiver(unproxied: None) -> Iterator[Receiver]:
    """A web server that notes what it is told."""
    running = Receiver()
    yield running
    running.go()
