"""Which pictures are of one series: by names, tables, times and likeness; and that no split divides one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.repo import SHARED
from PIL import Image

from adshift.adaptation.few_images import FewImages, draw, drawn_places
from adshift.data.check.doctor import examine
from adshift.data.layouts.by_name import layout_of
from adshift.data.layouts.layout import index_in
from adshift.data.samples import CategoryIndex, Sample, by_unit, unit_numbers
from adshift.data.series.found import by_likeness
from adshift.data.series.hint import series_hint
from adshift.data.series.likeness import RATIO, in_a_row, thumbnail
from adshift.data.series.notes import series_notes
from adshift.data.series.rules import in_series, rule_of
from adshift.data.splits import StandardSplit, StudySplit
from adshift.errors import AdshiftError
from adshift.stages.folds import assign_folds


def drawn(base: Path, names: list[str], seed: int = 0, alike: int = 1) -> Path:
    """Pictures of noise, ``alike`` neighbours of which share all but a little of it."""
    base.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for i, name in enumerate(names):
        if i % alike == 0:
            shared = rng.integers(40, 215, (8, 8, 3))
        noisy = np.clip(shared + rng.integers(-12, 13, (8, 8, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).resize((32, 32), Image.Resampling.NEAREST).save(base / name)
    return base


def indexed(base: Path) -> CategoryIndex:
    return index_in(layout_of("folder"), base.parent, base.name)


def units(index: CategoryIndex) -> list[list[str]]:
    return [[Path(s.path).stem for s in unit] for unit in by_unit(index.train_good).values()]


NAMES = [f"{plate}_{tile}.png" for plate in ("a", "b", "c") for tile in (1, 2)]


def test_a_regular_expression_captures_what_a_series_shares(tmp_path: Path) -> None:
    base = drawn(tmp_path / "parts", [*NAMES, "other.png"])
    index, told = in_series(indexed(base), rule_of("^([a-z])_"), tmp_path)
    assert units(index) == [["a_1", "a_2"], ["b_1", "b_2"], ["c_1", "c_2"], ["other"]]
    assert told == ()
    whole, _ = in_series(indexed(base), rule_of("^[a-z]_"), tmp_path)  # no group: the match itself
    assert units(whole) == units(index)


def test_a_table_names_the_series(tmp_path: Path) -> None:
    base = drawn(tmp_path / "parts", [*NAMES, "other.png"])
    (tmp_path / "g.csv").write_text("group,path\nlot 1,a_1.png\nlot 1,b_1.png\nlot 2,parts/b_2.png\nlot 2,c_1.png\n")
    index, _ = in_series(indexed(base), rule_of(str(tmp_path / "g.csv")), tmp_path)
    assert units(index) == [["a_1", "b_1"], ["a_2"], ["b_2", "c_1"], ["c_2"], ["other"]]


def test_times_make_a_series_where_no_gap_lies_between(tmp_path: Path) -> None:
    base = tmp_path / "parts"
    base.mkdir()
    for i, time in enumerate(("10:00:00", "10:00:20", "10:00:50", "10:02:00", "10:02:20")):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = f"2026:11:02 {time}"
        Image.fromarray(np.full((8, 8, 3), 40 * i, np.uint8)).save(base / f"{9 - i}.jpg", exif=exif)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(base / "timeless.jpg")
    index, _ = in_series(indexed(base), rule_of("exif:40"), tmp_path)
    assert sorted(map(sorted, units(index))) == [["5", "6"], ["7", "8", "9"], ["timeless"]]


def test_auto_finds_the_part_of_the_names_that_makes_pictures_alike(tmp_path: Path) -> None:
    names = [f"{lot:02}_{i}.png" for lot in range(10) for i in range(4)]
    base = drawn(tmp_path / "parts", names, alike=4)
    index, told = in_series(indexed(base), rule_of("auto"), tmp_path)
    assert [len(unit) for unit in units(index)] == [4] * 10
    assert "in series by part 1 of the names" in told[0]


def test_auto_joins_neighbours_where_names_tell_nothing(tmp_path: Path) -> None:
    base = drawn(tmp_path / "parts", [f"{i:03}.png" for i in range(40)], alike=4)
    index, told = in_series(indexed(base), rule_of("auto"), tmp_path)
    assert [len(unit) for unit in units(index)] == [4] * 10
    assert "neighbours in name order" in told[0]


def test_auto_groups_nothing_where_nothing_is_alike(tmp_path: Path) -> None:
    base = drawn(tmp_path / "parts", [f"{i // 4}_{i % 4}.png" for i in range(40)])
    index, told = in_series(indexed(base), rule_of("auto"), tmp_path)
    assert (index, told) == (indexed(base), ())
    few = drawn(tmp_path / "few", [f"{i}.png" for i in range(5)], alike=5)
    assert in_series(indexed(few), rule_of("auto"), tmp_path)[1] == ()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("(", r"must be none, auto, exif:SECONDS, a .csv file or a regular expression"),
        ("exif:0", "must name a gap above 0 s"),
        ("exif:soon", "must name a gap above 0 s"),
        ("nothing.csv", "cannot be read"),
    ],
)
def test_a_rule_that_is_none_is_refused(rule: str, said: str) -> None:
    with pytest.raises(AdshiftError, match=said):
        rule_of(rule)


def test_a_rule_that_tells_nothing_is_refused(tmp_path: Path) -> None:
    base = drawn(tmp_path / "parts", NAMES)
    with pytest.raises(
        AdshiftError, match=r"data\.groups=\^z groups none of 6 images of train \(parts/a_1.png the first\)"
    ):
        in_series(indexed(base), rule_of("^z"), tmp_path)
    with pytest.raises(AdshiftError, match=r"none of the 6 images of train .* says when it was taken"):
        in_series(indexed(base), rule_of("exif:60"), tmp_path)
    (tmp_path / "g.csv").write_text("name,group\na,1\n")
    with pytest.raises(AdshiftError, match=r"has the columns \['name', 'group'\]; it must have path and group"):
        rule_of(str(tmp_path / "g.csv"))


def series(count: int, each: int) -> CategoryIndex:
    samples = tuple(
        Sample(f"c/train/good/{g:02}_{i}.png", "c", "good", group=f"{g:02}") for g in range(count) for i in range(each)
    )
    return CategoryIndex("c", samples, (), ())


@pytest.mark.parametrize("splitter", [StandardSplit(), StudySplit()], ids=["standard", "study"])
def test_no_split_divides_a_series(splitter: StandardSplit) -> None:
    split = splitter(series(10, 3))
    train, calibration = ({s.group for s in role} for role in (split.train, split.calibration))
    assert (len(train), len(calibration), len(split.train)) == (8, 2, 24)
    assert not train & calibration


def test_no_fold_divides_a_series() -> None:
    samples = series(10, 3).train_good
    fold_N = assign_folds(samples, 5, 0)
    assert sorted(np.bincount(fold_N).tolist()) == [6] * 5
    assert all(len({fold_N[i] for i in np.flatnonzero(unit_numbers(samples) == unit)}) == 1 for unit in range(10))
    with pytest.raises(AdshiftError, match="crossfit=11 needs 11 groups among the 30 train images of c, which has 10"):
        assign_folds(samples, 11, 0)


def test_few_images_are_of_different_series() -> None:
    samples = series(10, 3).train_good
    assert len({s.group for s in draw(FewImages(8), samples, ["c"])}) == 8
    twelve = draw(FewImages(12), samples, ["c"])
    assert sorted(len(unit) for unit in by_unit(twelve).values()) == [1] * 8 + [2] * 2
    assert set(draw(FewImages(8), samples, ["c"])) <= set(twelve)
    alone = [replace(sample, group="") for sample in samples]
    assert drawn_places(range(30), unit_numbers(alone), FewImages(30)) != list(range(30))


def test_a_split_says_which_tested_images_are_of_known_series() -> None:
    index = series(10, 3)
    split = StandardSplit()(replace(index, train_good=index.train_good[:27], test_good=index.train_good[26:]))
    notes = series_notes(split)
    assert "train images in" in notes[0]
    assert notes[1].startswith("1 of 4 test images are of series that were fitted or calibrated on")


def test_pictures_without_series_raise_no_hint() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (60, 32, 32, 3), np.uint8)
    samples = [Sample(f"c/train/good/{i:03}.png", "c", "good") for i in range(60)]
    assert series_hint(samples, pictures) == []
    told = series_hint(samples, np.repeat(pictures[:12], 5, axis=0))
    assert len(told) == 1
    assert "neighbours in name order" in told[0]
    assert "data.groups=auto" in told[0]


def test_equal_and_few_pictures_tell_nothing() -> None:
    same = np.stack([thumbnail(np.full((32, 32, 3), 90, np.uint8))] * 20)
    assert in_a_row(same) is None
    assert in_a_row(same[:5]) is None
    assert by_likeness([f"{i:02}_{i % 2}.png" for i in range(20)], same) is None


def test_neighbours_are_no_nearer_in_random_order() -> None:
    shown = 0
    for seed in range(40):
        row = in_a_row(np.random.default_rng(seed).normal(size=(100, 48)).astype(np.float32))
        assert row is not None
        assert row.ratio > RATIO
        shown += row.shown
    assert shown == 0


def test_the_doctor_tells_of_series(tmp_path: Path) -> None:
    base = drawn(tmp_path / "parts", [f"{i:03}.png" for i in range(40)], alike=4)
    told = [problem for problem in examine(base) if "in series" in problem.what]
    assert [(p.severity, p.file) for p in told] == [("warning", "parts")]
    plain = drawn(tmp_path / "plain", [f"{i:03}.png" for i in range(40)])
    assert not [problem for problem in examine(plain) if "in series" in problem.what]


@pytest.mark.parametrize(
    ("place", "category", "ways"),
    [
        ("series", "ball_screw", ["part 3 of the names"]),
        ("two_lamps/lamp_b", "aircraft_glass", ["part 1 of the names"]),
        ("mvtec", "bottle", []),
        ("mvtec", "screw", []),
    ],
)
def test_real_photographs_in_series_are_found(place: str, category: str, ways: list[str]) -> None:
    root = SHARED / "data" / place
    if not (root / category).is_dir():
        pytest.skip(f"{root} is not here")
    whole = index_in(layout_of("folder"), root, category)
    _, told = in_series(CategoryIndex(category, whole.train_good, (), ()), rule_of("auto"), root)
    assert [way for way in ways if any(way in line for line in told)] == ways
    assert bool(told) == bool(ways)
