"""The page of a watch: its words, its charts' numbers, and how it looks in a real browser."""

from __future__ import annotations

import dataclasses
import math
import re
import time
import tracemalloc
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.browser import CHROMIUM, Browser, browser
from scipy.stats import binomtest

from adshift.watch.axis import axis_of, linear_ticks
from adshift.watch.book import Alarm, Book, Epoch, Part
from adshift.watch.chart import Seen, named_parts, odds, score_chart
from adshift.watch.history import History
from adshift.watch.page import write_page
from adshift.watch.shapes import HEIGHT

NOW = datetime(2026, 3, 5, 12, 0, 0).timestamp()
STREAMS = ("anomaly score", "light", "sharpness")
EPOCH = Epoch(
    1, NOW - 9e5, "outputs/bottle", "ab", 1.0, "conformal", 0.05, 40, 0.01, 0, ((0.1, 0.2),), "the watch began"
)
LIMIT = math.log(100)
EVIL = "<img src=x onerror=window.hacked=1>\"'&"
TOLD: dict[str, Any] = {
    "words": ["light 18 % lower, mostly at the left"],
    "promise": "Nothing is promised until a repair.",
    "commands": ["python -m adshift.advise run=RUN domain=photos"],
    "pictures": "alarms/1 a.png",
    "photographs": {"folder": "photographs/1", "count": 34, "wanted": 60},
    "repaired": "outputs/repaired",
}


def part(number: int, score: float | None = 0.5, threshold: float | None = 1.0, **more: Any) -> Part:
    decision = None if threshold is None or score is None else int(score >= threshold)
    values = {"p_value": 0.25, "level": 0.0, "levels": (0.0, -1.0, -2.0)} if score is not None else {"p_value": None}
    made = Part(number, 1, f"/line/{number}.png", f"{number:064x}", 1, number, NOW - 600 + number, score, threshold,
                decision, **values)  # fmt: skip
    return dataclasses.replace(made, **more)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path / "watch.sqlite", make=True)
    yield made
    made.close()


def filled(book: Book, *parts: Part, epoch: Epoch = EPOCH) -> Book:
    with book.transaction():
        book.begin(epoch)
        for one in parts:
            book.add(one)
    return book


def many(book: Book, first: int, last: int, epoch: int = 1) -> None:
    """Parts that no two look alike, made by the data base itself; each 97th could not be read."""
    list(book.query("""
        WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO parts SELECT i, ?, '/line/' || i || '.png', printf('%064x', i), 1, i, ? + i,
            CASE WHEN i % 97 THEN 0.5 + (i * 7919 % 1009) / 2000.0 END, 1.0,
            CASE WHEN i % 97 THEN i * 7919 % 1009 >= 1000 END, 0.5, CASE WHEN i % 97 THEN '' ELSE 'not read' END, '',
            NULL, NULL, CASE WHEN i % 97 THEN (i * 31 % 101) / 50.0 END, '', '' FROM n""",
        (first, last, epoch, NOW - 1e5)))  # fmt: skip


class Words(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def page_of(book: Book, folder: Path, running: bool = True, **more: Any) -> Words:
    path = write_page(book, folder / "out", now=NOW, running=running, streams=STREAMS, **more)
    assert path == folder / "out" / "index.html"
    words = Words()
    words.feed(re.sub(r"(?s)<(style|script)>.*?</\1>", "", path.read_text(encoding="utf-8")))
    words.text = re.sub(r"\s+", " ", words.text)  # a space that does not break is one too
    return words


def answers(words: Words) -> list[str]:
    classes = [str(attributes.get("class")) for tag, attributes in words.tags if tag == "section"]
    return [name.removeprefix("tile ") for name in classes if name.startswith("tile")]


def test_a_line_as_it_was_needs_nothing(book: Book, tmp_path: Path) -> None:
    words = page_of(filled(book, *(part(i) for i in range(1, 31))), tmp_path)
    assert answers(words) == ["good", "good", "good"]
    for told in ("No: normal", "No change shown", "Nothing", "alarm sounds at 100 : 1", "30 today, 30 in epoch 1",
                 "None so far", "at most 5 % of good parts", "score 0.5 < threshold 1, p-value 0.25",
                 "Part 30, judged 11:50:30"):  # fmt: skip
        assert told in words.text, told
    renewed = [
        attributes for tag, attributes in words.tags if tag == "meta" and attributes.get("http-equiv") == "refresh"
    ]
    assert [attributes["content"] for attributes in renewed] == ["5"]


def test_the_share_called_anomalous_stands_with_its_exact_interval_beside_the_promise(
    book: Book, tmp_path: Path
) -> None:
    words = page_of(filled(book, *(part(i, 2.0 if i % 10 == 0 else 0.5) for i in range(1, 41))), tmp_path)
    exact = binomtest(4, 40).proportion_ci(0.95, "exact")
    assert f"10 % [{100 * exact.low:.2g}, {100 * exact.high:.2g}] of 40" in words.text
    assert answers(words) == ["bad", "good", "bad"]
    assert "Take part 40 out" in words.text


def test_an_alarm_says_what_has_changed_and_what_to_do(book: Book, tmp_path: Path) -> None:
    filled(book, *(part(i) for i in range(1, 31)))
    told = {key: value for key, value in TOLD.items() if key != "repaired"}
    book.sound(Alarm(1, 1, 28, NOW - 570, ("light", "anomaly score"), LIMIT + 1, 21, told))
    words = page_of(book, tmp_path)
    assert answers(words) == ["good", "bad", "bad"]
    text = words.text
    for told in ("Yes: changed", "since about part 21", "light; anomaly score", TOLD["words"][0], TOLD["promise"],
                 "34 of 60 wanted photographs", "photographs/1", "verdicts are worth less"):  # fmt: skip
        assert told in text, told
    assert text.count(TOLD["commands"][0]) == 2
    assert [a["src"] for tag, a in words.tags if tag == "img"] == ["alarms/1%20a.png"]


@pytest.mark.parametrize("left_out", [None, *TOLD])
def test_an_alarm_is_told_as_far_as_it_is_known(book: Book, tmp_path: Path, left_out: str | None) -> None:
    filled(book, part(1))
    book.sound(Alarm(1, 1, 1, NOW, (), LIMIT, 1, {k: v for k, v in TOLD.items() if left_out not in (None, k)}))
    words = page_of(book, tmp_path)
    assert answers(words)[1] == "bad"
    assert ("Repaired: outputs/repaired" in words.text) is (left_out not in (None, "repaired"))


def test_photographs_and_commands_may_be_told_in_part(book: Book, tmp_path: Path) -> None:
    filled(book, part(1))
    book.sound(
        Alarm(1, 1, 1, NOW, STREAMS, LIMIT, 1, {"photographs": {"count": 3}, "commands": "one command", "words": None})
    )
    text = page_of(book, tmp_path).text
    assert "3 photographs of the line" in text
    assert text.count("one command") == 2
    assert "Seen in: anomaly score, light, sharpness." in text


def test_what_was_repaired_is_no_alarm_of_today(book: Book, tmp_path: Path) -> None:
    filled(book, part(1))
    book.sound(Alarm(1, 1, 1, NOW, STREAMS, LIMIT, 1, TOLD))
    book.repaired(1, "outputs/repaired")
    book.begin(dataclasses.replace(EPOCH, epoch=2, run="outputs/repaired", threshold=1.5, why="repair"))
    book.add(part(2, epoch=2, threshold=1.5))
    words = page_of(book, tmp_path)
    assert answers(words) == ["good", "good", "good"]
    assert words.text.count("Repaired: outputs/repaired") == 1
    assert "Watch of repaired" in words.text


def test_first_signs_are_amber_and_say_how_rare_they_are(book: Book, tmp_path: Path) -> None:
    level = math.log(20)
    words = page_of(filled(book, part(1, level=level, levels=(-1.0, level, -2.0))), tmp_path)
    assert answers(words) == ["good", "care", "good"]
    assert "evidence 20 : 1 (light)" in words.text
    assert "at most 5 %" in words.text


def test_an_unreadable_image_is_neither_good_nor_bad(book: Book, tmp_path: Path) -> None:
    words = page_of(filled(book, part(1), part(2, None, error="/line/2.png: cut off; write it again")), tmp_path)
    assert answers(words) == ["care", "good", "care"]
    assert words.text.count("/line/2.png: cut off; write it again") == 2
    assert "1 of 2 images" in words.text
    assert "Judge part 2 by eye" in words.text


def test_without_a_threshold_nothing_is_decided_and_nothing_promised(book: Book, tmp_path: Path) -> None:
    bare = dataclasses.replace(EPOCH, threshold=None, kind=None, promised=None)
    words = page_of(filled(book, *(part(i, threshold=None) for i in range(1, 4)), epoch=bare), tmp_path)
    assert answers(words) == ["care", "good", "care"]
    for told in (
        "Not decided",
        "nothing was decided",
        "nothing promised",
        "Calibrate the run",
        "the threshold is not set",
    ):
        assert told in words.text, told


def test_an_empty_data_base_has_a_page(book: Book, tmp_path: Path) -> None:
    words = page_of(book, tmp_path)
    assert answers(words) == ["none", "none", "good"]
    assert "No part yet" in words.text


def test_where_nothing_was_read_there_is_no_score_and_no_evidence(book: Book, tmp_path: Path) -> None:
    words = page_of(filled(book, *(part(i, None, error="cut off") for i in range(1, 4))), tmp_path)
    assert answers(words) == ["care", "none", "care"]


def test_an_ended_watch_says_so_and_waits_to_be_started_again(book: Book, tmp_path: Path) -> None:
    words = page_of(filled(book, part(1)), tmp_path, running=False)
    assert "Ended: no part is judged now" in words.text
    assert "ended, 12:00:00" in words.text
    assert answers(words)[2] == "care"
    assert [a["content"] for tag, a in words.tags if tag == "meta" and a.get("http-equiv") == "refresh"] == ["60"]
    assert not any("data-stale" in attributes for _, attributes in words.tags)


def test_names_are_text_and_never_markup(book: Book, tmp_path: Path) -> None:
    epoch = dataclasses.replace(EPOCH, run=f"outputs/{EVIL}", why=EVIL, kind=EVIL)
    bad = part(1, path=f"/line/{EVIL}.png", overlay="overlays/000/a b.png", note=EVIL)
    filled(book, bad, part(2, None, path=f"/line/{EVIL}", error=EVIL), epoch=epoch)
    told = dict.fromkeys(TOLD, EVIL) | {"photographs": {"count": 1, "folder": EVIL}}
    book.sound(Alarm(1, 1, 1, NOW, (EVIL,), LIMIT, 1, told))
    book.post([EVIL], "part", {}, NOW)
    book.postpone(1, NOW, EVIL)
    words = page_of(book, tmp_path)
    assert not any("onerror" in attributes for _, attributes in words.tags)
    assert {a["src"] for tag, a in words.tags if tag == "img" and "overlays" in str(a["src"])} == {
        "overlays/000/a%20b.png"
    }
    assert words.text.count(EVIL) > 12


def test_labels_stand_beside_the_first_verdict(book: Book, tmp_path: Path) -> None:
    again = part(7, 2.0, sha256=f"{1:064x}", path="/line/again.png")
    filled(book, part(1), part(2), part(3, 2.0), part(4, 2.0), part(5, None, error="cut off"), part(6), again)
    for number, good in ((1, True), (2, True), (3, True), (4, False), (5, True), (99, False)):
        book.label(f"{number:064x}", f"/line/{number}.png", good, NOW)
    words = page_of(book, tmp_path)
    exact = binomtest(1, 3).proportion_ci(0.95, "exact")
    text = re.sub(r"\s+", " ", words.text)
    assert f"people say good21133 % [{100 * exact.low:.2g}, {100 * exact.high:.2g}]" in text
    assert "people say bad011" in text


def test_messages_that_wait_are_counted_by_outlet(book: Book, tmp_path: Path) -> None:
    filled(book, part(1))
    book.post(["mqtt", "webhook"], "part", {}, NOW - 60)
    book.post(["webhook"], "part", {}, NOW - 30)
    book.postpone(2, NOW, "Connection refused")
    assert (
        "mqtt: 1, the first since 11:59:00; webhook: 2, the first since 11:59:00 (Connection refused)"
        in page_of(book, tmp_path).text
    )


def test_a_day_begins_at_midnight(book: Book, tmp_path: Path) -> None:
    midnight = datetime(2026, 3, 5).timestamp()
    filled(book, *(part(i, judged=midnight + 10 * (i - 150) + 5) for i in range(1, 201)))
    assert "51 today, 200 in epoch 1" in page_of(book, tmp_path, places=16).text


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


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine; install Debian's package chromium to test the page")
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with all that a page can hold, of thousands of parts and names of any length."""
    folder = tmp_path_factory.mktemp("rich")
    book = filled(Book(folder / "watch.sqlite", make=True))
    long = "very_long_name_" * 12
    many(book, 1, 3000)
    book.begin(dataclasses.replace(EPOCH, epoch=2, run=f"outputs/{long}", threshold=1.2, why=f"repair {long}"))
    many(book, 3001, 6000, 2)
    for alarm, number in enumerate((100, 200, 2900, 5900), 1):
        book.sound(Alarm(alarm, 1 + (number > 3000), number, NOW, (long, "light"), 9.0, number - 60,
                         TOLD | {"commands": [f"python -m adshift.advise out={long}{long}"], "words": [long]}))  # fmt: skip
    book.add(part(6001, None, epoch=2, path=f"/line/{EVIL}{long}.png", error=f"/line/{EVIL}{long}.png: cut off"))
    book.add(part(6002, 3.0, 1.2, epoch=2, path=f"/line/{EVIL}", level=6.0, levels=(6.0, -1.0, 2.0)))
    book.post(["webhook"], "part", {}, NOW)
    book.postpone(1, NOW, long)
    book.label(f"{1:064x}", "/line/1.png", True, NOW)
    path = write_page(book, folder, now=time.time(), running=True, streams=STREAMS)
    book.close()
    return path


@pytest.mark.parametrize("width", [1280, 390, 360])
def test_no_width_scrolls_the_page_sideways_and_no_words_overlap(chromium: Browser, rich: Path, width: int) -> None:
    chromium.open(rich, width)
    assert chromium.run("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
    charts = chromium.run(
        "[...document.querySelectorAll('.chart')].map(c => [...c.querySelectorAll('text:not(.limit)')].map(t => "
        "(r => [r.left, r.top, r.right, r.bottom, t.firstChild.textContent])(t.getBoundingClientRect())))"
    )
    assert len(charts) == 3
    for texts in charts:
        assert len(texts) > 8
        for i, (left, top, right, bottom, words) in enumerate(texts):
            assert left >= 0, words
            assert right <= width, words
            over = [
                t[4] for t in texts[i + 1 :] if t[0] < right and left < t[2] and t[1] < bottom - 2 and top < t[3] - 2
            ]
            assert over == [], words


def test_nothing_is_fetched_and_nothing_runs_but_the_pages_own(chromium: Browser, rich: Path) -> None:
    chromium.open(rich)
    assert chromium.run("window.hacked") is None
    asked = [e["params"]["request"]["url"] for e in chromium.events if e.get("method") == "Network.requestWillBeSent"]
    assert asked
    assert {url.partition(":")[0] for url in asked} <= {"file", "about"}
    assert [e for e in chromium.events if e.get("method") == "Runtime.exceptionThrown"] == []


def test_an_old_page_says_so_and_a_renewed_one_keeps_its_place(chromium: Browser, rich: Path, tmp_path: Path) -> None:
    soon = tmp_path / "soon.html"
    text = rich.read_text(encoding="utf-8")
    soon.write_text(text.replace('data-renewed="5"', 'data-renewed="1"'), encoding="utf-8")
    chromium.open(soon)
    assert chromium.run("document.getElementById('old').hidden") is True
    chromium.run("window.before = 1; scrollTo(0, 900)")
    end = time.monotonic() + 20
    while chromium.run("window.before === 1 || document.readyState !== 'complete'") and time.monotonic() < end:
        time.sleep(0.05)
    assert chromium.run("[window.before === undefined, scrollY]") == [True, 900]
    old = tmp_path / "old.html"
    old.write_text(re.sub(r'data-made="[\d.]+"', f'data-made="{time.time() - 600}"', text), encoding="utf-8")
    chromium.open(old)
    assert chromium.run("document.getElementById('old').hidden") is False
    assert "has not written it for 10 min" in chromium.run("document.getElementById('old').innerText")
