"""The page of a watch in a real browser."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.browser import CHROMIUM, Browser, browser
from helpers.line import EPOCH, EVIL, NOW, STREAMS, TOLD, filled, many, part

from adshift.watch.book import Book
from adshift.watch.outbox import Outbox
from adshift.watch.page import write_page
from adshift.watch.records import Alarm


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
    Outbox(book).post(["webhook"], "part", {}, NOW)
    Outbox(book).postpone(1, NOW, long)
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
