"""docs/promises.md names only tests that exist, and its figures are the program's own."""

from __future__ import annotations

import ast
import re

from helpers.repo import REPO

from adshift.data.check.twins import SIDE, SIGMA, SIMILARITY
from adshift.data.images import MAX_PIXELS, MAX_SIDE
from adshift.data.mvtec import MAX_MEMBERS, MAX_READ_BYTES, MAX_UNPACKED_BYTES
from adshift.prediction.decode import ROOM
from adshift.results.arrays import MAX_MAPS_BYTES, MAX_REPLICATES_BYTES
from adshift.system.download import MAX_BYTES

PAGE = (REPO / "docs" / "promises.md").read_text(encoding="utf-8")
SECURITY = (REPO / "SECURITY.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_test_that_the_page_names_exists() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) > 50
    assert PAGE.count("::test_") == len(named)  # none is written in another form
    for file, test in named:
        tree = ast.parse((REPO / file).read_text(encoding="utf-8"))
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}::{test}"


def test_the_limits_on_the_pages_are_the_programs() -> None:
    assert f"{MAX_PIXELS:,} pixels, or {MAX_SIDE:,} a side" in PAGE
    assert f"{MAX_PIXELS:,} pixels, or {MAX_SIDE:,} a side" in SECURITY
    assert f"{ROOM.limit / 1e9:g} GB for images at their own size" in SECURITY
    assert f"thumbnail of {SIDE} x {SIDE} less its Gaussian blur of sigma {SIGMA:g}" in PAGE
    assert f"reaches {SIMILARITY}" in PAGE
    assert (
        f"{MAX_UNPACKED_BYTES >> 30} GiB, {MAX_MEMBERS:,} members and {MAX_READ_BYTES >> 20} MiB a header" in SECURITY
    )
    assert f"{MAX_MAPS_BYTES >> 30} GiB of maps, {MAX_REPLICATES_BYTES >> 20} MiB of replicates" in SECURITY
    assert f"{MAX_BYTES >> 30} GiB at most; what is wrong is removed" in SECURITY
