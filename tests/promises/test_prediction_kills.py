"""predict.py killed at random moments, ever again in one folder: a summary is there only where all it speaks of is.

``ADSHIFT_KILLS`` says how often (``-s`` shows what was struck).
"""

from __future__ import annotations

import csv
import json
import os
import random
import select
import signal
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from helpers.forks import exit_status, forked
from helpers.images import draw, tiny_overrides
from helpers.inprocess import Finished, invoke, run_cell
from PIL import Image

from adshift.prediction import job, pages

KILLS = int(os.environ.get("ADSHIFT_KILLS", "5"))
SEED = int(os.environ.get("ADSHIFT_KILLS_SEED", "7"))
IMAGES = {"few": 3, "many": 9}
Predict = Callable[[Path, str], Finished]


@pytest.fixture
def predict(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Predict:
    """Score a source (of ``IMAGES``) into a folder: a picture and a map an image, two images a page."""
    overrides = [word for word in tiny_overrides(tiny) if not word.startswith("backbone")]
    run_cell(tmp_path / "run", *overrides, "backbone=small", "coreset_ratio=0.01")
    monkeypatch.setattr(pages, "A_PAGE", 2)
    for source, images in IMAGES.items():
        for i in range(images):
            draw(tmp_path / source / f"{i}.png", i, defect=i % 3 == 0)

    def call(folder: Path, source: str) -> Finished:
        words = [f"run={tmp_path / 'run'}", f"source={tmp_path / source}", "batch_size=1"]
        return invoke("predict.py", *words, f"hydra.run.dir={folder}")

    return call


def killed(work: Callable[[], Finished], delay: float | None) -> tuple[int, float]:
    """Do the work in a child, killed so many seconds after it begins to score; its exit status, and how long it scored."""
    heard, teller = os.pipe()
    score_all = job._score_all

    def told(*arguments: Any) -> Any:
        os.write(teller, b".")
        return score_all(*arguments)

    def child() -> int:
        job._score_all = told
        return work().code

    process = forked(child)
    os.close(teller)
    assert select.select([heard], [], [], 60)[0], "the prediction does not begin"
    began = time.perf_counter()
    if os.read(heard, 1) and delay is not None:
        select.select([heard], [], [], delay)  # it may end before
        os.kill(process, signal.SIGKILL)
    status = exit_status(process)
    os.close(heard)
    return status, time.perf_counter() - began


def state(folder: Path) -> str:
    """Whose summary stands in a folder, ``none`` where there is none; AssertionError where something of it is not there.

    Pictures must be whole, and there are no rows, pages and pictures but those that it counts.
    """
    if not (folder / "summary.json").is_file():
        return "none"
    summary = json.loads((folder / "summary.json").read_text())
    source = Path(summary["source"]).name
    with (folder / "predictions.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    lines = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    named = sorted(row[kind] for row in rows for kind in ("overlay", "map"))
    assert [row["path"] for row in rows] == [line["path"] for line in lines]
    assert {Path(row["path"]).parent.name for row in rows} == {source}
    assert len(rows) == summary["images"] == summary["pictures"] == IMAGES[source]
    assert sorted(str(path.relative_to(folder)) for path in folder.glob("*/*/*.png")) == named
    for name in named:
        with Image.open(folder / name) as picture:
            picture.load()
    index = (folder / "index.html").read_text()
    assert index.rstrip().endswith("</html>")
    written = sorted(path.name for path in folder.glob("page-*.html"))
    assert written == [f"page-{number:04}.html" for number in range(1, -(-IMAGES[source] // 2) + 1)]
    assert all(page in index for page in written)
    return source


def test_a_killed_prediction_leaves_a_summary_only_where_all_it_speaks_of_is(predict: Predict, tmp_path: Path) -> None:
    out, drawn = tmp_path / "out", random.Random(SEED)
    whole = predict(out, "many")
    assert (whole.code, state(out)) == (0, "many"), whole.err
    status, seconds = killed(lambda: predict(out, "few"), None)
    assert (status, state(out)) == (0, "few")
    struck: Counter[str] = Counter()
    tries = 0
    while struck.total() < KILLS and tries < 3 * KILLS:
        before, source = state(out), ("many", "few")[tries % 2]
        delay = drawn.uniform(0, seconds * IMAGES[source] / IMAGES["few"])
        status, _ = killed(partial(predict, out, source), delay)
        after = state(out)
        assert status in (0, -signal.SIGKILL)
        assert after == source if status == 0 else after in (source, before, "none")
        struck["without a summary" if after == "none" else "with one"] += status != 0
        tries += 1
    print(f"\n{struck.total()} kills of {tries} struck a prediction: {dict(struck)}")
    assert struck.total() == KILLS
    assert struck["without a summary"] >= KILLS // 2
    again = predict(out, "many")
    assert (again.code, state(out)) == (0, "many"), again.err
    assert not list(out.rglob(".partial-*"))
