"""The page of a watch: its words."""

from __future__ import annotations

import dataclasses
import math
import re
from datetime import datetime
from pathlib import Path

import pytest
from helpers.line import EPOCH, EVIL, LIMIT, NOW, STREAMS, TOLD, Words, filled, page_of, part
from scipy.stats import binomtest

from adshift.watch.book import Book
from adshift.watch.outbox import Outbox
from adshift.watch.records import Alarm


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
    Outbox(book).post([EVIL], "part", {}, NOW)
    Outbox(book).postpone(1, NOW, EVIL)
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
    Outbox(book).post(["mqtt", "webhook"], "part", {}, NOW - 60)
    Outbox(book).post(["webhook"], "part", {}, NOW - 30)
    Outbox(book).postpone(2, NOW, "Connection refused")
    assert (
        "mqtt: 1, the first since 11:59:00; webhook: 2, the first since 11:59:00 (Connection refused)"
        in page_of(book, tmp_path).text
    )


def test_a_day_begins_at_midnight(book: Book, tmp_path: Path) -> None:
    midnight = datetime(2026, 3, 5).timestamp()
    filled(book, *(part(i, judged=midnight + 10 * (i - 150) + 5) for i in range(1, 201)))
    assert "51 today, 200 in epoch 1" in page_of(book, tmp_path, places=16).text
