"""A watch killed at random moments while its folder fills: each image exactly one row, the evidence as if undisturbed."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import run_cell
from helpers.repo import REPO, Program
from helpers.watching import replayed

from adshift.watch.book import Book
from adshift.watch.database import NAME

KILLS = int(os.environ.get("ADSHIFT_WATCH_KILLS", "15"))
SEED = os.environ.get("ADSHIFT_WATCH_SEED", "5")


@pytest.mark.slow
def test_a_watch_survives_sigkill_at_random_moments(tiny: Path, tmp_path: Path, program: Program) -> None:
    run_cell(tmp_path / "run", *tiny_overrides(tiny))
    images = 4 * KILLS
    words = ("-m", "helpers.watching", str(tmp_path / "run"), str(tmp_path), str(KILLS), str(images), SEED)
    done = program(*words, timeout=120 + 20 * KILLS, PYTHONPATH=os.pathsep.join((str(REPO), str(REPO / "tests"))))
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["status"], told["killed"]) == (0, KILLS)
    print(f"\n{told['at_work']} of {KILLS} kills struck a watch that had judged something")
    assert told["at_work"] >= KILLS // 5
    book = Book(tmp_path / "out" / NAME)
    parts = list(book.parts())
    book.close()
    assert [part.error for part in parts] == [""] * images  # none was half-read
    assert [part.number for part in parts] == list(range(1, images + 1))
    assert sorted(part.path for part in parts) == sorted(map(str, (tmp_path / "camera").iterdir()))
    assert all(kept == pytest.approx(undisturbed, abs=1e-5) for kept, undisturbed in replayed(tmp_path / "out"))
    with (tmp_path / "out" / "predictions.csv").open() as handle:
        assert [row["path"] for row in csv.DictReader(handle)] == [part.path for part in parts]
