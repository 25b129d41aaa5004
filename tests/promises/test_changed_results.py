"""A result.json with one value changed: every reader of it ends with figures, a line, or the run left out by name."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from helpers.changed import PROGRAMS, VALUES, places, tried
from helpers.repo import REPO

RUNS = REPO / "tests" / "programs" / "old_runs"
EVERY = os.environ.get("ADSHIFT_CHANGES") == "all"
SAMPLE = 60


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name, source in (("clean", "bank"), ("none", "bank_shift"), ("regime", "bank_shift")):
        shutil.copytree(RUNS / source, tmp_path / name)
    return tmp_path


def test_one_changed_value_never_gives_a_traceback(runs: Path) -> None:
    """A seeded sample of the changes; ``ADSHIFT_CHANGES=all`` makes every one of them, and ``-s`` shows the counts."""
    path = runs / "regime" / "result.json"
    cases = list(itertools.product(places(json.loads(path.read_text())), VALUES))
    if not EVERY:
        cases = random.Random(0).sample(cases, SAMPLE)
    found = Counter(tried(path, cases, [runs / "none", runs / "clean"]))
    assert found.total() == len(cases) * len(PROGRAMS)
    assert {end for _, end in found} == {"figures", "left out", "refused"}
    print(f"\n{len(cases)} changes, {found.total()} ends: {dict(sorted(found.items()))}")
