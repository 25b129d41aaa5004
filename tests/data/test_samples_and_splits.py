"""The sample index and the three splits."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from helpers.images import draw
from hypothesis import given
from hypothesis import strategies as st

from adshift.data.samples import CategoryIndex, Sample, digest, index, index_category
from adshift.data.splits import OfficialSplit, StandardSplit, StudySplit, split_all
from adshift.errors import AdshiftError


def counted(category: str, train: int, good: int, defects: dict[str, int]) -> CategoryIndex:
    return CategoryIndex(
        category,
        tuple(Sample(f"{category}/train/good/{i:03}.png", category, "good") for i in range(train)),
        tuple(Sample(f"{category}/test/good/{i:03}.png", category, "good") for i in range(good)),
        tuple(
            Sample(f"{category}/test/{d}/{i:03}.png", category, d) for d in sorted(defects) for i in range(defects[d])
        ),
    )


def test_index_pairs_masks_by_stem_with_and_without_suffix(tmp_path: Path) -> None:
    for name in ("train/good/0.png", "test/good/0.png", "test/cut/a.jpg", "test/cut/b.BMP", "test/cut/c.tiff"):
        draw(tmp_path / "c" / name, 0)
    for name in ("a_mask.png", "b.png"):
        draw(tmp_path / "c" / "ground_truth" / "cut" / name, 0)
    (tmp_path / "c" / "test" / "cut" / "notes.txt").write_text("not an image")
    found = index_category(tmp_path, "c")
    assert [(s.path, s.mask) for s in found.test_anomalous] == [
        ("c/test/cut/a.jpg", "c/ground_truth/cut/a_mask.png"),
        ("c/test/cut/b.BMP", "c/ground_truth/cut/b.png"),
        ("c/test/cut/c.tiff", None),
    ]
    assert [s.label for s in (*found.train_good, *found.test_good, *found.test_anomalous)] == [0, 0, 1, 1, 1]


def test_index_does_not_depend_on_the_order_of_creation(tmp_path: Path) -> None:
    for order, folder in ((range(12), "a"), (reversed(range(12)), "b")):
        for i in order:
            draw(tmp_path / folder / "c" / "train" / "good" / f"{i}.png", i)
    first, second = (index_category(tmp_path / name, "c").train_good for name in "ab")
    assert first == second
    assert list(first) == sorted(first)


def test_missing_category_names_what_is_there(tiny: Path) -> None:
    with pytest.raises(AdshiftError, match=r"category=nut is not in data\.root=.*plate, strip"):
        index(tiny, ["nut"])
    with pytest.raises(AdshiftError, match="names a category twice"):
        index(tiny, ["plate", "plate"])
    with pytest.raises(AdshiftError, match="names no category"):
        index(tiny, [])


def test_category_without_train_images_is_refused(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny / "plate", tmp_path / "plate")
    shutil.rmtree(tmp_path / "plate" / "train")
    with pytest.raises(AdshiftError, match="has no image in"):
        index_category(tmp_path, "plate")


@pytest.mark.parametrize(
    ("category", "train", "good", "defects", "expected"),
    [
        ("hazelnut", 391, 40, {"crack": 18, "cut": 17, "hole": 18, "print": 17}, (312, 79, 21, 40, 49)),
        (
            "carpet",
            280,
            28,
            {"color": 19, "cut": 17, "hole": 17, "metal_contamination": 17, "thread": 19},
            (224, 56, 26, 28, 63),
        ),
        (
            "zipper",
            240,
            32,
            {"broken_teeth": 19, "combined": 16, "fabric_border": 17, "fabric_interior": 16, "rough": 17}
            | {"split_teeth": 18, "squeezed_teeth": 16},
            (192, 48, 35, 32, 84),
        ),
    ],
)  # fmt: skip
def test_study_split_has_the_counts_of_the_design(
    category: str, train: int, good: int, defects: dict[str, int], expected: tuple[int, ...]
) -> None:
    split = StudySplit()(counted(category, train, good, defects))
    calibration = [s.label for s in split.calibration]
    test = [s.label for s in split.test]
    assert (len(split.train), calibration.count(0), calibration.count(1), test.count(0), test.count(1)) == expected


def test_study_split_is_the_shuffle_that_the_design_describes() -> None:
    found = counted("c", 10, 2, {"b": 3, "a": 4})
    generator = random.Random(42)
    normals = [f"c/train/good/{i:03}.png" for i in range(10)]
    generator.shuffle(normals)
    anomalies = [f"c/test/a/{i:03}.png" for i in range(4)] + [f"c/test/b/{i:03}.png" for i in range(3)]
    generator.shuffle(anomalies)
    split = StudySplit()(found)
    assert {s.path for s in split.train} == set(normals[:8])
    assert {s.path for s in split.calibration} == set(normals[8:]) | set(anomalies[:2])


def test_standard_split_never_calibrates_on_a_test_image() -> None:
    found = counted("c", 50, 10, {"a": 5})
    split = StandardSplit()(found)
    assert [s.label for s in split.calibration] == [0] * 10
    assert set(split.test) == {*found.test_good, *found.test_anomalous}
    assert split == StandardSplit()(found)
    assert split.train != StandardSplit(seed=1)(found).train


def test_official_split_calibrates_on_nothing() -> None:
    found = counted("c", 50, 10, {"a": 5})
    split = OfficialSplit()(found)
    assert (len(split.train), split.calibration, len(split.test)) == (50, (), 15)


@given(
    train=st.integers(2, 60),
    good=st.integers(0, 20),
    anomalous=st.integers(0, 20),
    splitter=st.sampled_from([StudySplit(), StandardSplit(), OfficialSplit(), StudySplit(seed=7, train_fraction=0.5)]),
)
def test_roles_never_share_an_image_and_lose_none(
    train: int, good: int, anomalous: int, splitter: StudySplit | StandardSplit | OfficialSplit
) -> None:
    found = counted("c", train, good, {"a": anomalous})
    split = split_all([found], splitter)
    roles = [*split.train, *split.calibration, *split.test]
    assert sorted(roles) == sorted([*found.train_good, *found.test_good, *found.test_anomalous])
    assert all(s.label == 0 for s in split.train)


def test_a_split_that_leaves_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(AdshiftError, match="leaves 0 to train on"):
        split_all([counted("c", 1, 1, {})], StudySplit())
    with pytest.raises(AdshiftError, match=r"train_fraction=1\.5 must be in"):
        StudySplit(train_fraction=1.5)


def test_digest_ignores_order_and_sees_names() -> None:
    samples = counted("c", 3, 0, {}).train_good
    assert digest(samples) == digest(reversed(samples))
    assert digest(samples) != digest(samples[:2])
