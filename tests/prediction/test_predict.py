"""A finished run on new images: the same verdicts as its own test, whatever the images come as, in bounded memory."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import torch
from helpers.images import draw, tiny_overrides
from helpers.inprocess import Finished, invoke, run_cell
from helpers.repo import REPO, Program
from PIL import Image

import adshift
from adshift.errors import AdshiftError
from adshift.prediction import job, pages
from adshift.prediction.detector import Detector, Prediction
from adshift.prediction.pages import A_PAGE, BROKEN, TOP, Pages
from adshift.prediction.pictures import read_map
from adshift.prediction.rows import Row

Cells = Callable[..., Path]
WIDE = ("threshold=sigma", "threshold.k=50")
"""A threshold far from every score, so that rounding decides nothing."""


@pytest.fixture(scope="module")
def cells(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Cells:
    """``cells(*overrides)``: the folder of that cell, run once a module."""
    base = tmp_path_factory.mktemp("cells")
    done: dict[tuple[str, ...], Path] = {}

    def folder(*overrides: str) -> Path:
        if overrides not in done:
            done[overrides] = base / str(len(done))
            unified = any(o.startswith("data.categories") for o in overrides)  # it owns no data.category
            base_overrides = [o for o in tiny_overrides(tiny) if not (unified and o.startswith("data.category"))]
            run_cell(done[overrides], *base_overrides, *WIDE, *overrides)
        return done[overrides]

    return folder


@pytest.fixture(scope="module")
def detector(cells: Cells) -> Detector:
    return adshift.load(cells())


def predict(run: Path, source: object, folder: Path, *overrides: str) -> Finished:
    return invoke("predict.py", f"run={run}", f"source='{source}'", *overrides, f"hydra.run.dir={folder}")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def summary_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


def test_verdicts_are_those_of_the_runs_own_test(cells: Cells, tiny: Path, tmp_path: Path) -> None:
    run = cells()
    done = predict(run, tiny / "plate" / "test", tmp_path)
    assert done.code == 0, done.err
    own = {row["path"]: row for row in rows_of(run / "scores.csv")}
    found = {str(Path(row["path"]).relative_to(tiny)): row for row in rows_of(tmp_path / "predictions.csv")}
    tested = [path for path, row in own.items() if row["role"] == "test"]
    assert len(found) == 14
    assert len(tested) >= 10
    for path in tested:
        assert float(found[path]["score"]) == pytest.approx(float(own[path]["score"]), rel=1e-5)
        assert found[path]["threshold"] == own[path]["threshold"]
        assert found[path]["decision"] == own[path]["decision"]
    assert summary_of(tmp_path)["anomalous"] == sum(row["decision"] == "1" for row in found.values())


def test_every_kind_of_image_scores_alike(detector: Detector, tiny: Path) -> None:
    path = tiny / "plate" / "test" / "blot" / "001.png"
    array = np.asarray(Image.open(path))
    kinds: list[Any] = [path, str(path), Image.open(path), array, Image.open(path).convert("RGBA")]
    scores = [found.score for found in detector.predict(kinds)]
    assert scores == pytest.approx([scores[0]] * len(kinds), rel=1e-5)
    names = [found.name for found in detector.predict(kinds)]
    assert names == [str(path), str(path), "image 2", "image 3", "image 4"]
    for one in (path, str(path), array, Image.open(path)):
        assert [found.score for found in detector.predict(one)] == pytest.approx([scores[0]], rel=1e-5)


def test_grey_is_grey_in_all_channels(detector: Detector) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (50, 70), np.uint8)
    flat, repeated = detector.predict([grey, np.dstack([grey] * 3)])
    assert flat.score == pytest.approx(repeated.score, rel=1e-6)
    assert (flat.image == repeated.image).all()


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((8, 8, 3), np.float32), "float32"),
        (np.zeros((8, 8, 4), np.uint8), r"\(8, 8, 4\)"),
        (np.zeros((0, 8, 3), np.uint8), r"\(0, 8, 3\)"),
        (7, "7 of type int"),
        ("nowhere.png", "does not exist"),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(detector: Detector, image: Any, says: str) -> None:
    with pytest.raises(AdshiftError, match=says) as caught:
        list(detector.predict([image]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("arguments", [{"batch_size": 0}, {"num_workers": -1}])
def test_bounds_are_told_before_any_image_is_read(detector: Detector, arguments: dict[str, int]) -> None:
    with pytest.raises(AdshiftError, match="must be >="):
        detector.predict([], **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [0, 2])
def test_images_are_taken_only_as_they_are_needed(detector: Detector, threads: int) -> None:
    taken = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal taken
        while True:
            taken += 1
            yield np.full((40, 40, 3), taken % 256, np.uint8)

    found = detector.predict(endless(), batch_size=4, num_workers=threads)
    first = [next(found) for _ in range(10)]
    assert [p.name for p in first] == [f"image {i}" for i in range(10)]
    assert taken <= 12 + 2 * 4 + 1  # three batches, and twice a batch ahead


def test_a_bad_image_is_told_in_its_place_and_left_out(detector: Detector, tiny: Path) -> None:
    good = tiny / "plate" / "test" / "good"
    told: list[tuple[int, str, str]] = []
    seen: list[str] = []
    images = [good / "000.png", good / "gone.png", good / "001.png"]
    for found in detector.predict(images, on_error=lambda name, why: told.append((len(seen), name, why))):
        seen.append(found.name)
    assert seen == [str(images[0]), str(images[2])]
    assert [(place, name) for place, name, _ in told] == [(1, str(images[1]))]
    assert "does not exist" in told[0][2]


@pytest.fixture
def mixed(tiny: Path, tmp_path: Path) -> Path:
    """Three good images, a defective one in a folder below, one that is garbage, one cut short, and a text."""
    folder = tmp_path / "mixed"
    shutil.copytree(tiny / "plate" / "test" / "good", folder)
    for name in ("003.png", "004.png", "005.png"):
        (folder / name).unlink()
    (folder / "000a.jpg").write_bytes(b"no picture")
    whole = (folder / "001.png").read_bytes()
    (folder / "001a.png").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("no image")
    (folder / "late").mkdir()
    shutil.copy(tiny / "plate" / "test" / "blot" / "000.png", folder / "late" / "000.png")
    return folder


@pytest.mark.parametrize("threads", [0, 2])
def test_bad_images_are_reported_and_every_image_has_its_row(
    cells: Cells, mixed: Path, tmp_path: Path, threads: int
) -> None:
    done = predict(cells(), mixed, tmp_path / "out", f"num_workers={threads}", "batch_size=2")
    assert done.code == 0, done.err
    told = [line for line in done.err.splitlines() if "skipped" in line]
    assert len(told) == 2
    assert "000a.jpg" in told[0]
    assert "001a.png" in told[1]
    rows = rows_of(tmp_path / "out" / "predictions.csv")
    names = [str(Path(row["path"]).relative_to(mixed)) for row in rows]
    assert names == sorted(names)
    assert len(names) == 6
    assert [bool(row["error"]) for row in rows] == ["a." in name for name in names]
    assert [row["score"] == "" for row in rows] == ["a." in name for name in names]
    lines = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    for row, line in zip(rows, lines, strict=True):
        assert {key: "" if value is None else str(value) for key, value in line.items()} == row
    summary = summary_of(tmp_path / "out")
    assert (summary["images"], summary["skipped"]) == (4, 2)


def test_strict_ends_at_the_first_bad_image(cells: Cells, mixed: Path, tmp_path: Path) -> None:
    done = predict(cells(), mixed, tmp_path / "out", "strict=true")
    assert done.code == 2
    assert "000a.jpg" in done.err
    assert "strict=true" in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "out" / "summary.json").exists()


def test_nothing_but_bad_images_is_a_mistake(cells: Cells, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"")
    done = predict(cells(), tmp_path / "in", tmp_path / "out")
    assert done.code == 2
    assert "none of the 1 images" in done.err


@pytest.mark.parametrize(
    ("part", "fail", "code"), [("good", "true", 0), ("blot", "true", 3), ("blot", "false", 0), ("good", "false", 0)]
)
def test_exit_status_says_whether_anything_was_anomalous(
    cells: Cells, tiny: Path, tmp_path: Path, part: str, fail: str, code: int
) -> None:
    done = predict(cells(), tiny / "plate" / "test" / part, tmp_path, f"fail_on_anomaly={fail}", "pictures=none")
    assert done.code == code, done.err
    assert summary_of(tmp_path)["anomalous"] == (4 if part == "blot" else 0)


def test_a_sweep_cannot_answer_by_its_exit_status(cells: Cells, tiny: Path, tmp_path: Path) -> None:
    images = tiny / "plate" / "test" / "blot"
    done = invoke(
        "predict.py", "-m", f"run={cells()}", f"source={images}", "fail_on_anomaly=true", f"hydra.sweep.dir={tmp_path}"
    )
    assert done.code == 1
    assert "leave -m out" in done.err


def test_source_is_a_file_a_folder_or_a_glob(cells: Cells, tiny: Path, tmp_path: Path) -> None:
    base = tiny / "plate" / "test"
    for i, (source, count) in enumerate(
        [(base / "blot" / "000.png", 1), (base, 14), (base / "*" / "000.png", 3), (base / "**" / "00[01].*", 6)]
    ):
        assert predict(cells(), source, tmp_path / str(i), "pictures=none").code == 0
        assert summary_of(tmp_path / str(i))["images"] == count
    empty = tmp_path / "empty"
    empty.mkdir()
    for source, says in [(empty, "holds no image"), (tmp_path / "*.nothing", "matches no file")]:
        done = predict(cells(), source, tmp_path / "none")
        assert done.code == 2
        assert says in done.err


def test_pictures_hold_the_image_and_its_map(cells: Cells, detector: Detector, tmp_path: Path) -> None:
    wide = np.full((60, 120, 3), 100, np.uint8)
    wide[10:40, 20:50] = (250, 20, 20)
    (tmp_path / "in").mkdir()
    Image.fromarray(wide).save(tmp_path / "in" / "wide.png")
    assert predict(cells(), tmp_path / "in", tmp_path / "out", "picture_size=240").code == 0
    row = rows_of(tmp_path / "out" / "predictions.csv")[0]
    picture = np.asarray(Image.open(tmp_path / "out" / row["overlay"]))
    assert picture.shape == (120, 2 * 240 + 6, 3)
    assert np.abs(picture[60, 70].astype(int) - [250, 20, 20]).max() <= 1  # the left half is the image
    assert np.abs(picture[60, 246 + 70].astype(int) - [250, 20, 20]).max() > 20  # the right one is under its map
    found = next(detector.predict(tmp_path / "in" / "wide.png"))
    stored = read_map(tmp_path / "out" / row["map"])
    unit = summary_of(tmp_path / "out")["map_unit"]
    assert detector.pixel_threshold is not None
    assert unit == pytest.approx(4 * detector.pixel_threshold / 65535)
    square = torch.from_numpy(found.anomaly_map)[None, None]
    shown = torch.nn.functional.interpolate(square, (64, 128), mode="bilinear", align_corners=False)[0, 0].numpy()
    assert np.abs(stored - np.minimum(shown, 65535 * unit)).max() <= 0.55 * unit


@pytest.mark.parametrize(
    ("overrides", "anomalous", "others"),
    [
        (("pictures=all",), 8, 6),
        (("pictures=anomalous",), 8, 0),
        (("pictures=none",), 0, 0),
        (("max_pictures=2",), 2, 2),
        (("max_pictures=0",), 8, 6),
    ],
)
def test_as_many_pictures_as_asked_for(
    cells: Cells, tiny: Path, tmp_path: Path, overrides: tuple[str, ...], anomalous: int, others: int
) -> None:
    assert predict(cells(), tiny / "plate" / "test", tmp_path, *overrides).code == 0
    rows = rows_of(tmp_path / "predictions.csv")
    drawn = [row["decision"] for row in rows if row["overlay"]]
    assert (drawn.count("1"), drawn.count("0")) == (anomalous, others)
    for kind in ("overlays", "maps"):
        assert len(list(tmp_path.glob(f"{kind}/*/*.png"))) == anomalous + others


class Page(HTMLParser):
    """The pictures, links and words of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.images: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.words = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        self.tags.add(tag)
        if tag == "img":
            self.images.append(str(held["src"]))
        if tag == "a":
            self.links.append(str(held["href"]))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_gallery_points_at_what_is_there_and_escapes_names(cells: Cells, tmp_path: Path) -> None:
    ugly = "a<script>&\"'#?%41 ü.png"
    draw(tmp_path / "in" / ugly, 1, defect=True)
    (tmp_path / "in" / "<b>bad.png").write_bytes(b"?")
    assert predict(cells(), tmp_path / "in", tmp_path / "out").code == 0
    page = Page(tmp_path / "out" / "index.html")
    assert not page.tags & {"script", "b"}
    assert ugly in page.words
    assert "<b>bad.png" in page.words
    assert "at or over the pixel threshold" in page.words
    assert len(page.images) == 1
    for link in (*page.images, *page.links):
        assert (tmp_path / "out" / unquote(link)).is_file()


def test_gallery_turns_pages_and_holds_the_highest_scores(tmp_path: Path) -> None:
    pages = Pages(tmp_path, "many")
    count = 3 * A_PAGE + 7
    scores = np.random.default_rng(0).permutation(count).astype(float).tolist()
    for place, score in enumerate(scores):
        pages.add(place, Row(f"{place}.png", score, 5.0, int(score >= 5), f"overlays/{place}.png", f"maps/{place}.png"))
        assert len(pages._waiting) <= A_PAGE
        assert len(pages._top) <= TOP
    for i in range(BROKEN + 3):
        pages.add(count + i, Row(f"bad{i}.png", None, None, None, error=f"bad{i}.png cannot be read"))
    index = Page(pages.finish("many images"))
    best = sorted(range(count), key=lambda place: -scores[place])[:TOP]
    assert index.images == [f"overlays/{place}.png" for place in best]
    assert "and 3 more" in index.words
    files = sorted(tmp_path.glob("page-*.html"))
    assert [link for link in index.links if link.startswith("page")] == [file.name for file in files]
    assert [image for file in files for image in Page(file).images] == [f"overlays/{i}.png" for i in range(count)]
    for file in files:
        for link in Page(file).links:
            assert link.startswith("maps/") or (tmp_path / link).is_file()


def test_a_run_over_several_categories_needs_to_know_whose_images(cells: Cells, tiny: Path, tmp_path: Path) -> None:
    several = ("data=unified", f"data.root={tiny}", "data.source=folder", "data.categories=[plate,strip]")
    own = cells(*several)
    done = predict(own, tiny / "plate" / "test", tmp_path / "a", "pictures=none")
    assert done.code == 2
    assert "category=NAME" in done.err
    assert "plate, strip" in done.err
    done = predict(own, tiny / "plate" / "test", tmp_path / "b", "category=bolt")
    assert done.code == 2
    assert "none of the run's (plate, strip)" in done.err
    thresholds = json.loads((own / "result.json").read_text())["threshold"]
    assert thresholds["plate"]["value"] != thresholds["strip"]["value"]
    for name in ("plate", "strip"):
        assert adshift.load(own, category=name).threshold == thresholds[name]["value"]
    shared = cells(*several, "threshold.scope=global")
    value = json.loads((shared / "result.json").read_text())["threshold"]["global"]["value"]
    assert adshift.load(shared).threshold == value
    assert adshift.load(shared, category="strip").threshold == value
    assert adshift.load(cells(*several, "split=official")).threshold is None


def test_an_evaluation_lends_its_threshold(cells: Cells, tiny: Path, tmp_path: Path) -> None:
    done = invoke(
        "evaluate.py", f"run={cells()}", "domain=photometric", "adaptation=threshold", "threshold=sigma",
        f"hydra.run.dir={tmp_path / 'moved'}",
    )  # fmt: skip
    assert done.code == 0, done.err
    repaired, own = adshift.load(tmp_path / "moved"), adshift.load(cells())
    stored = json.loads((tmp_path / "moved" / "result.json").read_text())["threshold"]["plate"]["value"]
    assert repaired.threshold == stored != own.threshold
    image = tiny / "plate" / "test" / "good" / "000.png"
    assert next(repaired.predict(image)).score == next(own.predict(image)).score


@pytest.mark.parametrize("split", ["study", "official"])
def test_a_threshold_given_by_hand_decides_and_is_marked(cells: Cells, tiny: Path, tmp_path: Path, split: str) -> None:
    run, images = cells(f"split={split}"), tiny / "plate" / "test"
    assert predict(run, images, tmp_path / "own").code == 0
    score = sorted(float(row["score"]) for row in rows_of(tmp_path / "own" / "predictions.csv"))
    middle = (score[5] + score[6]) / 2
    done = predict(run, images, tmp_path / "hand", f"threshold={middle!r}", "fail_on_anomaly=true")
    assert done.code == 3, done.err
    rows = rows_of(tmp_path / "hand" / "predictions.csv")
    assert {float(row["threshold"]) for row in rows} == {middle}
    assert [row["decision"] for row in rows] == [str(int(float(row["score"]) >= middle)) for row in rows]
    assert sum(row["decision"] == "1" for row in rows) == 8
    own, hand = summary_of(tmp_path / "own"), summary_of(tmp_path / "hand")
    assert own["threshold_kind"] == {"study": "sigma", "official": None}[split]
    assert (hand["threshold"], hand["threshold_kind"], hand["anomalous"]) == (middle, "manual", 8)
    assert hand["pixel_threshold"] == own["pixel_threshold"]
    words = f"8 anomalous (score >= {middle:.4g}, a manual threshold)"
    assert words in done.out
    assert words.replace(">", "&gt;") in (tmp_path / "hand" / "index.html").read_text()
    detector = adshift.load(run, threshold=middle)
    assert (detector.threshold, detector.threshold_kind) == (middle, "manual")


@pytest.mark.parametrize("value", ["sigma", "nan", "inf", "1e308", "true", "[1]"])
def test_a_threshold_by_hand_is_a_finite_number(cells: Cells, tiny: Path, tmp_path: Path, value: str) -> None:
    done = predict(cells(), tiny / "plate" / "test", tmp_path, f"threshold={value}")
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert "must be a finite number" in done.err
    assert "evaluate.py run=DIR threshold=NAME" in done.err
    with pytest.raises(AdshiftError, match="must be a finite number"):
        adshift.load(cells(), threshold=float("nan"))


def test_a_run_without_a_threshold_scores_and_decides_nothing(cells: Cells, tiny: Path, tmp_path: Path) -> None:
    run, images = cells("split=official"), tiny / "plate" / "test" / "blot"
    assert predict(run, images, tmp_path / "a").code == 0
    rows = rows_of(tmp_path / "a" / "predictions.csv")
    assert [(row["threshold"], row["decision"]) for row in rows] == [("", "")] * 4
    assert all(row["overlay"] for row in rows)
    assert summary_of(tmp_path / "a")["anomalous"] is None
    assert next(adshift.load(run).predict(images / "000.png")).anomalous is None
    for override in ("fail_on_anomaly=true", "pictures=anomalous"):
        done = predict(run, images, tmp_path / "b", override)
        assert done.code == 2
        assert "no threshold" in done.err


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("pictures=some", "pictures=some must be one of: all, anomalous, none"),
        ("max_pictures=-1", "max_pictures=-1 must be >= 0"),
        ("picture_size=10", "picture_size=10 in [32, 4096]"),
        ("batch_size=0", "batch_size=0 must be >= 1"),
        ("batch_size=many", "batch_size=many must be a whole number"),
        ("strict=1", "strict=1 must be true or false"),
        ("device=abacus", "device=abacus is not to be had"),
        ("colour=red", "colour"),
        ("run=nowhere", "give the folder of a finished run"),
    ],
)
def test_mistakes_are_told_in_one_line(cells: Cells, tiny: Path, tmp_path: Path, override: str, says: str) -> None:
    done = predict(cells(), tiny / "plate" / "test" / "good", tmp_path, override)
    assert done.code == 2
    assert says in done.err
    assert len([line for line in done.err.splitlines() if line.startswith("adshift")]) == 1
    assert "Traceback" not in done.err


def test_a_damaged_run_is_told(cells: Cells, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(cells(), run)
    whole = (run / "model.ckpt").read_bytes()
    (run / "model.ckpt").write_bytes(whole[:1000])
    with pytest.raises(AdshiftError, match="its sha256 differs"):
        adshift.load(run)
    (run / "model.ckpt").unlink()
    with pytest.raises(AdshiftError, match="needs the model"):
        adshift.load(run)
    (run / "model.ckpt").write_bytes(whole)
    adshift.load(run)
    result = json.loads((run / "result.json").read_text())
    for broken in (
        {"backbone": 3},
        {"data": {}},
        {"image_size": "wide"},
        {"method": {**result["config"]["method"], "layers": 1}},
    ):
        (run / "result.json").write_text(json.dumps({**result, "config": {**result["config"], **broken}}))
        with pytest.raises(AdshiftError) as caught:
            adshift.load(run)
        assert "\n" not in str(caught.value)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, adshift, adshift.errors; sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'PIL')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPO, check=False).returncode == 0


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_images(cells: Cells, tmp_path: Path, program: Program) -> None:
    """Twenty thousand images are measured by benchmarks/predict_memory.py; a tenth of them here."""
    for i in range(20):
        draw(tmp_path / f"{i}.jpg", i, defect=i % 2 == 1)
    peaks = {}
    for count in (200, 2000):
        folder = tmp_path / f"in{count}"
        folder.mkdir()
        for i in range(count):
            os.link(tmp_path / f"{i % 20}.jpg", folder / f"{i:05}.jpg")
        out = tmp_path / f"out{count}"
        done = program("predict.py", f"run={cells()}", f"source={folder}", f"hydra.run.dir={out}", "max_pictures=50")
        assert done.returncode == 0, done.stderr
        assert summary_of(out)["images"] == count
        peaks[count] = summary_of(out)["memory"]["peak_rss_mb"]
    assert peaks[2000] <= 1.05 * peaks[200]


@pytest.fixture
def huge(cells: Cells, tmp_path: Path) -> Path:
    """A finished run whose bank is finite and so large that distances overflow, with the hash that its result knows."""
    run = tmp_path / "huge"
    shutil.copytree(cells(), run)
    stored: dict[str, Any] = torch.load(run / "model.ckpt", weights_only=True)
    (bank,) = [name for name in stored["state_dict"] if name.endswith("bank_MD")]
    stored["state_dict"][bank].fill_(1e30)
    torch.save(stored, run / "model.ckpt")
    result = json.loads((run / "result.json").read_text())
    result["provenance"]["checkpoint_sha256"] = hashlib.sha256((run / "model.ckpt").read_bytes()).hexdigest()
    (run / "result.json").write_text(json.dumps(result))
    return run


def test_a_score_that_is_not_finite_is_never_a_verdict(huge: Path, tiny: Path, tmp_path: Path) -> None:
    """In a prediction, in Python, in an evaluation and in an export."""
    good = tiny / "plate" / "test" / "good"
    done = predict(huge, good, tmp_path / "out", "batch_size=4")
    assert done.code == 2
    assert "6 images have no finite score" in done.err
    assert "Traceback" not in done.err
    rows = rows_of(tmp_path / "out" / "predictions.csv")
    assert [(row["score"], row["decision"], "must be finite" in row["error"]) for row in rows] == [("", "", True)] * 6
    assert not (tmp_path / "out" / "summary.json").exists()
    with pytest.raises(AdshiftError, match=r"000\.png has the score .* must be finite: the distances overflow"):
        next(adshift.load(huge).predict(good))
    for script, overrides in (("evaluate.py", ("domain=shift", "adaptation=none")), ("export.py", ("format=torch",))):
        told = invoke(script, f"run={huge}", *overrides, "hydra.run.dir=" + str(tmp_path / script))
        assert told.code == 2
        assert "must be finite" in told.err
        assert not {"result.json", "model.pt2"} & {path.name for path in (tmp_path / script).iterdir()}


def test_a_folder_holds_the_last_prediction_alone(
    cells: Cells, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A summary is there if and only if what it speaks of is; pages and pictures of before are not; others' files stay."""
    good, out = tiny / "plate" / "test" / "good", tmp_path / "out"
    monkeypatch.setattr(pages, "A_PAGE", 2)
    assert predict(cells(), good, out).code == 0
    assert {"summary.json", "page-0003.html"} <= {path.name for path in out.iterdir()}
    assert len(list(out.glob("overlays/*/*.png"))) == 6
    theirs = [out / "notes.txt", out / "maps" / "mine.png", out / "maps" / "000" / "mine.png"]
    for path in theirs:
        path.write_bytes(b"mine")
    take = job.Desk.take

    def cut(desk: job.Desk, found: Prediction) -> None:
        if desk.images == 3:
            raise AdshiftError("cut")
        take(desk, found)

    with monkeypatch.context() as patch:
        patch.setattr(job.Desk, "take", cut)
        assert predict(cells(), good, out).code == 2
    assert not {"summary.json", "index.html", "page-0003.html"} & {path.name for path in out.iterdir()}
    assert len(rows_of(out / "predictions.csv")) == len(list(out.glob("maps/*/0*.png"))) == 3
    assert predict(cells(), good / "000.png", out, "pictures=none").code == 0
    assert (summary_of(out)["images"], list(out.glob("page-*")), list(out.glob("*/*/0*.png"))) == (1, [], [])
    assert all(path.read_bytes() == b"mine" for path in theirs)
