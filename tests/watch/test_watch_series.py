"""A line whose parts come in series: the alarm takes one part of each, whenever the watch is stopped in between."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.images import draw
from helpers.watching import chosen

from adshift.drift.evidence import Evidence
from adshift.drift.pool import Pool
from adshift.errors import AdshiftError
from adshift.results.read import read_calibration
from adshift.watch.book import Book
from adshift.watch.database import NAME
from adshift.watch.job import watched
from adshift.watch.streams import STREAMS

SERIES = "^([a-z]+)_"


def test_the_evidence_is_that_of_one_part_a_series(run: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "camera", tmp_path / "out"
    source.mkdir()
    names = [f"{group}_{i}.png" for group in ("a", "b", "c") for i in range(3)] + ["7.png", "d_0.png", "d_1.png"]
    for first in (0, 4, 8):  # three watches, the second one of which begins within a series
        for i, name in enumerate(names[first : first + 4]):
            draw(source / name, first + i)
        watched(chosen(run, source, groups=SERIES), out)
    book = Book(out / NAME)
    (epoch,) = book.epochs()
    parts = list(book.parts())
    pool, evidence = Pool(epoch.seed), Evidence(STREAMS, epoch.delta, epoch.seed)
    evidence.learn(0, next(iter(read_calibration(run).normals.values())))
    for i in range(1, len(STREAMS)):
        evidence.learn(i, (look[i - 1] for look in epoch.looks))
    counted = []
    for part in parts:
        assert part.score is not None
        match = re.search(SERIES, Path(part.path).name)
        for number, values in pool.take(part.number, match.group(1) if match else "", (part.score, *part.looks)):
            evidence.update(number, values)
            counted.append(number)
        assert part.level == pytest.approx(evidence.level(), abs=1e-5)
    assert len(counted) == 4  # a, b, c and the one by itself; d is under way
    assert book.pool(epoch.seed) == pool
    book.close()


def test_the_first_alarm_of_another_epoch_begins_with_no_series(run: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "camera", tmp_path / "out"
    source.mkdir()
    draw(source / "a_0.png", 0)
    watched(chosen(run, source, groups=SERIES), out)
    watched(chosen(run, source, groups=SERIES, again=True), out)
    book = Book(out / NAME)
    assert len(book.epochs()) == 2
    assert book.pool(0) == Pool(0)
    book.close()


@pytest.mark.parametrize("groups", ["auto", "exif:60"])
def test_rules_that_need_several_pictures_are_refused(run: Path, tmp_path: Path, groups: str) -> None:
    (tmp_path / "camera").mkdir()
    with pytest.raises(AdshiftError, match=rf"groups={groups} must tell a part's series by itself"):
        watched(chosen(run, tmp_path / "camera", groups=groups), tmp_path / "out")
