"""The charts of a watch: stretches that keep the extremes, axes, and a cost that does not grow."""

from __future__ import annotations

import math
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.line import EPOCH, NOW, STREAMS, filled, many, page_of

from adshift.watch.axis import axis_of, linear_ticks
from adshift.watch.book import Book
from adshift.watch.chart import Seen, named_parts, odds, score_chart
from adshift.watch.history import History
from adshift.watch.page import write_page
from adshift.watch.shapes import HEIGHT


def test_stretches_keep_every_extreme_and_count_however_they_were_read(book: Book) -> None:
    filled(book)
    kept = History(50)
    for first, last, epoch in ((1, 30, 1), (31, 700, 1), (701, 1234, 2), (1235, 1240, 2), (1241, 3001, 3)):
        many(book, first, last, epoch)
        found = kept.follow(book)
        assert found == History(50).follow(book) or math.isclose(found[-1].sum, History(50).follow(book)[-1].sum)
    assert len(found) <= 50 + 2
    number = np.arange(1, 3002)
    score = np.where(number % 97 == 0, np.nan, 0.5 + (number * 7919 % 1009) / 2000.0)
    level = np.where(number % 97 == 0, np.nan, (number * 31 % 101) / 50.0)
    assert [s.first for s in found[1:]] == [s.last + 1 for s in found[:-1]]
    for s in found:
        here = score[s.first - 1 : s.last]
        assert (s.low, s.high, s.level) == (np.nanmin(here), np.nanmax(here), np.nanmax(level[s.first - 1 : s.last]))
        assert s.mean == pytest.approx(np.nanmean(here))
        assert (s.parts, s.unread, s.decided) == (len(here), np.isnan(here).sum(), np.isfinite(here).sum())
        assert s.anomalous == (number[s.first - 1 : s.last] * 7919 % 1009 >= 1000)[np.isfinite(here)].sum()
    assert {s.epoch for s in found if s.first > 700} == {2, 3}


def test_the_band_reaches_the_extremes_of_the_stretches(book: Book) -> None:
    filled(book)
    many(book, 1, 999)
    stretches = History(50).follow(book)
    chart = score_chart("scores", Seen(stretches, {1: EPOCH}, [], {}))
    axis = axis_of([s.low or 0.0 for s in stretches] + [s.high or 0.0 for s in stretches] + [1.0], [0.75])
    drawn = {float(y) for y in re.findall(r"V([\d.]+)", chart.paths["band"])}
    for s in stretches:
        assert {round(HEIGHT * (1 - axis.place(v)), 1) for v in (s.low, s.high) if v is not None} <= drawn


def test_only_what_is_new_is_read_again(book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(book)
    many(book, 1, 4000)
    history = History(100)
    page_of(book, tmp_path, history=history)
    many(book, 4001, 4003)
    ranges: list[Any] = []
    ask = book.query
    monkeypatch.setattr(book, "query", lambda sql, values=(): ranges.append((sql, values)) or ask(sql, values))
    page_of(book, tmp_path, history=history)
    spans = [values for sql, values in ranges if "BETWEEN" in sql]
    assert spans
    assert min(values[0] for values in spans) > 4003 - 200 - 1


def test_neither_the_page_nor_memory_grows_with_the_parts(book: Book, tmp_path: Path) -> None:
    filled(book)
    measured = []
    for first, last in ((1, 60 * 64), (60 * 64 + 1, 60 * 512)):
        many(book, first, last)
        page_of(book, tmp_path, places=60)
        tracemalloc.start()
        path = write_page(book, tmp_path / "out", now=NOW, running=True, streams=STREAMS, places=60)
        measured.append((tracemalloc.get_traced_memory()[1], path.stat().st_size))
        tracemalloc.stop()
    for few, more in zip(*measured, strict=True):
        assert more <= 1.1 * few


def test_an_axis_is_logarithmic_where_a_defect_would_flatten_the_rest() -> None:
    assert not axis_of([0.4, 1.2], [0.5, 0.5]).log
    axis = axis_of([0.4, 40.0], [0.5, 0.5, 0.6])
    assert axis.log
    assert axis.ticks(6) == pytest.approx([0.5, 1, 2, 5, 10, 20]) or len(axis.ticks(6)) in range(2, 7)
    assert not axis_of([-3.0, 40.0], [0.5]).log
    for values in ([0.0], [5.0, 5.0], [-1.0, 0.0], [1e-300, 1e-299], [1e300]):
        made = axis_of(values, values)
        assert all(0 <= made.place(v) <= 1 for v in values)
        assert len(made.ticks(6)) <= 6


@pytest.mark.parametrize(("low", "high"), [(0, 1), (3, 7.7), (-5, 999), (49_801, 50_000), (1, 2)])
def test_ticks_are_few_round_and_inside(low: float, high: float) -> None:
    ticks = linear_ticks(low, high, 5)
    assert 1 <= len(ticks) <= 5
    assert all(low - 1e-9 <= t <= high + 1e-9 for t in ticks)


def test_odds_in_words() -> None:
    assert [odds(math.log(x)) for x in (1.0, 20.0, 0.2, 12345.0)] == ["1 : 1", "20 : 1", "1 : 5", "12,345 : 1"]
    assert odds(800.0) == "over 1,000,000 : 1"
    assert named_parts(1, 1) == [1]
