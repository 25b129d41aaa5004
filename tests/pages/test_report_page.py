"""The report's page in a real browser: Debian's chromium, headless, spoken to over its debugging pipe."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.browser import CHROMIUM, Browser, browser
from helpers.images import draw_category
from helpers.runs import make_run

from adshift.report.__main__ import main

EVIL = "<img src=x onerror=window.hacked=1>"


@pytest.fixture(scope="module")
def page(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of five runs, one of them on a category whose name is markup."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine; install Debian's package chromium to test the page")
    base = tmp_path_factory.mktemp("page")
    for category in ("plate", "strip"):
        make_run(base / "runs" / category / "clean", tiny, (category,), 4.0, save_maps=True)
        make_run(base / "runs" / category / "shift", tiny, (category,), 1.5, domain="shift", save_maps=True)
    draw_category(base / "evil", EVIL)
    make_run(base / "runs" / "evil", base / "evil", (EVIL,), 4.0, save_maps=True)
    assert main([str(base / "runs"), "--out", str(base / "out"), "--title", "A <b>title</b> & more"]) == 0
    return base / "out" / "index.html"


@pytest.fixture(scope="module")
def chromium(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def cards(chromium: Browser) -> list[dict[str, str]]:
    found: list[dict[str, str]] = chromium.run("[...document.querySelectorAll('.card')].map(c => ({...c.dataset}))")
    return found


def choose(chromium: Browser, name: str, value: str) -> None:
    chromium.run(f"(s => {{ s.value = {json.dumps(value)}; s.dispatchEvent(new Event('change')); }})"
                 f"(document.getElementById('g-{name}'))")  # fmt: skip


@pytest.mark.parametrize("width", [1280, 768, 390, 360])
def test_no_width_scrolls_the_page_sideways(chromium: Browser, page: Path, width: int) -> None:
    chromium.open(page, width)
    assert chromium.run("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
    inside = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).length"
    assert width > 400 or chromium.run(inside) > 0  # what is wider scrolls in its own box


def test_nothing_is_fetched_and_nothing_fails(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    chromium.run("Promise.all([...document.images].map(i => i.decode()))")
    asked = [e["params"]["request"]["url"] for e in chromium.events if e.get("method") == "Network.requestWillBeSent"]
    assert asked
    assert {url.partition(":")[0] for url in asked} <= {"file", "data", "about"}
    assert [url for url in asked if url.startswith("file:")] == [page.resolve().as_uri()]
    faults = [e for e in chromium.events if e.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")]
    assert faults == []


def test_names_are_text_and_never_markup(chromium: Browser, page: Path) -> None:
    chromium.open(page, fragment="#gallery?run=")
    assert chromium.run("window.hacked") is None
    assert chromium.run("document.title") == "A <b>title</b> & more"
    assert chromium.run("document.querySelectorAll('img[src=\"x\"], h1 b').length") == 0
    assert EVIL in chromium.run("[...document.querySelectorAll('#g-category option')].map(o => o.value)")
    assert EVIL in chromium.run("document.querySelector('tbody').textContent")
    choose(chromium, "category", EVIL)
    assert {card["category"] for card in cards(chromium)} == {EVIL}
    assert chromium.run("window.hacked") is None


def test_inline_scripts_other_than_the_pages_own_are_refused(chromium: Browser, page: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.html"
    text = page.read_text(encoding="utf-8")
    forged.write_text(text.replace("</main>", "<script>window.hacked = 1</script></main>"), encoding="utf-8")
    chromium.open(forged)
    assert chromium.run("[window.hacked, document.documentElement.dataset.gallery]") == [None, "ready"]


def test_gallery_filters_sorts_and_remembers(chromium: Browser, page: Path) -> None:
    chromium.open(page, fragment="#gallery?run=&sort=low")
    everything = cards(chromium)
    scores = [float(card["score"]) for card in everything]
    assert len(everything) == 5 * 12 - chromium.run("document.getElementById('g-more').hidden ? 0 : 12")
    assert scores == sorted(scores)
    choose(chromium, "sort", "high")
    choose(chromium, "category", "plate")
    found = cards(chromium)
    assert {card["category"] for card in found} == {"plate"}
    assert [float(c["score"]) for c in found] == sorted((float(c["score"]) for c in found), reverse=True)
    choose(chromium, "outcome", "wrong")
    assert {card["outcome"] for card in cards(chromium)} <= {"FP", "FN"}
    choose(chromium, "outcome", "TP")
    hits = cards(chromium)
    assert hits
    assert {card["outcome"] for card in hits} == {"TP"}
    assert f"{len(hits)} of {len(hits)} matching" in chromium.run("document.getElementById('g-status').textContent")
    choose(chromium, "defect", "good")
    assert cards(chromium) == []
    assert "No picture matches" in chromium.run("document.getElementById('g-status').textContent")
    address = chromium.run("location.hash")
    chromium.open(page, fragment=address)
    kept = chromium.run("['category', 'outcome', 'defect'].map(n => document.getElementById('g-' + n).value)")
    assert kept == ["plate", "TP", "good"]


def test_more_pictures_come_on_demand(chromium: Browser, page: Path) -> None:
    chromium.open(page, fragment="#gallery?run=")
    before = len(cards(chromium))
    chromium.run("document.getElementById('g-more').click()")
    assert (before, len(cards(chromium))) == (48, 60)
    assert chromium.run("[...document.querySelectorAll('.card')].indexOf(document.activeElement)") == 48
    assert chromium.run("document.getElementById('g-more').hidden") is True


def test_overlays_go_off_and_on_by_keyboard(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    shown = "['img.map', 'svg'].map(s => getComputedStyle(document.querySelector('.card ' + s)).display !== 'none')"
    choose(chromium, "outcome", "TP")
    assert chromium.run(shown) == [True, True]
    chromium.run("document.getElementById('g-map').focus()")
    chromium.key(" ", 32)
    assert chromium.run(shown) == [False, True]
    chromium.key("Tab", 9)
    assert chromium.run("document.activeElement.id") == "g-outline"
    chromium.key(" ", 32)
    assert chromium.run(shown) == [False, False]
    chromium.key(" ", 32)
    assert chromium.run(shown) == [False, True]


def test_first_tab_stop_skips_to_the_report(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    chromium.key("Tab", 9)
    assert chromium.run("document.activeElement.className") == "skip"
    assert chromium.run("document.activeElement.getBoundingClientRect().left") >= 0
    assert chromium.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    chromium.run("document.activeElement.click()")
    assert chromium.run("document.activeElement.id") == "main"


def test_structure_that_a_screen_reader_needs(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    assert chromium.run("document.documentElement.lang") == "en"
    assert chromium.run("['header', 'nav', 'main', 'footer'].map(t => document.querySelectorAll(t).length)") == [
        1,
        1,
        1,
        1,
    ]
    levels = chromium.run("[...document.querySelectorAll('h1, h2, h3')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert chromium.run("[...document.images].filter(i => !i.hasAttribute('alt')).length") == 0
    assert chromium.run("[...document.querySelectorAll('figure img')].filter(i => !i.alt).length") == 0
    named = "[...document.querySelectorAll('[aria-labelledby]')].every(e => document.getElementById(e.getAttribute('aria-labelledby')))"  # noqa: E501
    assert chromium.run(named) is True
    assert chromium.run("[...document.querySelectorAll('.scroll')].every(e => e.tabIndex === 0 && e.role === 'region')")
    assert chromium.run("[...document.querySelectorAll('table')].every(t => t.tHead.querySelector('th[scope=col]'))")
    assert chromium.run("[...document.querySelectorAll('tbody tr')].every(r => r.querySelector('th[scope=row]'))")
    assert chromium.run("[...document.querySelectorAll('select, input')].every(c => c.labels.length === 1)")
    assert chromium.run("(i => new Set(i).size === i.length)([...document.querySelectorAll('[id]')].map(e => e.id))")
    assert chromium.run("[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.hash))")


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_in_both_colour_schemes(chromium: Browser, page: Path, dark: bool) -> None:
    """WCAG 2.1: 4.5 to 1 for text, on the page's own computed colours."""
    chromium.open(page, dark=dark)

    def luminance(selector: str, what: str) -> float:
        text = chromium.run(f"getComputedStyle(document.querySelector('{selector}')).{what}")
        rgb = [int(n) / 255 for n in re.findall(r"\d+", text)[:3]]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    paper = luminance("body", "backgroundColor")
    assert (paper < 0.05) is dark
    for selector in ("body", ".summary", "figcaption", ".ci", "nav a", ".same", ".tag", ".answers"):
        ink = luminance(selector, "color")
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5, selector


def test_page_reads_without_javascript_and_prints(chromium: Browser, page: Path, tmp_path: Path) -> None:
    chromium.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.open(page)
        assert "The gallery needs JavaScript" in chromium.run("document.querySelector('#gallery').innerText")
        assert len(chromium.command("Page.printToPDF")["data"]) > 50_000
        chromium.screenshot(tmp_path / "shot.png")
        assert (tmp_path / "shot.png").stat().st_size > 50_000
    finally:
        chromium.command("Emulation.setScriptExecutionDisabled", value=False)
