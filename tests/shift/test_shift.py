"""MVTec-Shift: parameters within the study's ranges, identical wherever they are drawn, and masks that follow."""

from __future__ import annotations

import csv
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adshift.data.dataset import read_pair
from adshift.data.samples import index_category
from adshift.data.shifted import PARAMETERS, main, write_category
from adshift.errors import AdshiftError
from adshift.shift import transforms
from adshift.shift.by_name import named_domain
from adshift.shift.domain import Domain
from adshift.shift.parameters import ShiftParameters

SHIFT = named_domain("shift", 1.0, 0)


def many(domain: Domain, count: int = 4000) -> list[ShiftParameters]:
    return [domain.parameters("carpet", f"carpet/train/good/{i:04}.png") for i in range(count)]


def test_parameters_fill_the_ranges_of_the_study() -> None:
    drawn = many(SHIFT)
    for name, low, high in [
        ("rotation_deg", -10, 10), ("scale", 0.9, 1.0), ("translate_x", -0.1, 0.1), ("translate_y", -0.1, 0.1),
        ("brightness", 0.7, 1.3), ("contrast", 0.7, 1.3), ("saturation", 0.7, 1.3),
    ]:  # fmt: skip
        values = np.array([getattr(p, name) for p in drawn])
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high
        assert abs(values.mean() - (low + high) / 2) < 0.03 * (high - low)
    lit = [p for p in drawn if p.illumination != "none"]
    assert all(0.4 <= p.darkest <= 0.7 for p in lit)
    assert {p.illumination for p in lit} == {"left", "right", "top", "bottom", "centre", "edges"}
    blurred = [p for p in drawn if p.blur_kernel > 1]
    assert {p.blur_kernel for p in blurred} == {3, 5}
    assert all(0.1 <= p.blur_sigma <= 2.0 for p in blurred)
    noisy = [p for p in drawn if p.noise_sigma > 0]
    assert all(0.01 <= p.noise_sigma <= 0.05 for p in noisy)
    for share in (len(lit), len(blurred), len(noisy)):
        assert abs(share / len(drawn) - 0.5) < 0.03


def test_parameters_are_these_on_every_machine() -> None:
    p = SHIFT.parameters("carpet", "carpet/train/good/000.png")
    golden = {"rotation_deg": -3.923325083933, "translate_x": -0.009110011889, "brightness": 0.764272009155}
    assert {name: round(getattr(p, name), 12) for name in golden} == golden


def test_parameters_depend_on_seed_category_and_path_alone() -> None:
    one = SHIFT.parameters("carpet", "carpet/a.png")
    assert one == named_domain("shift", 1.0, 0).parameters("carpet", "carpet/a.png")
    others = [
        replace(SHIFT, seed=1).parameters("carpet", "carpet/a.png"),
        SHIFT.parameters("zipper", "carpet/a.png"),
        SHIFT.parameters("carpet", "carpet/b.png"),
    ]
    assert all(other.rotation_deg != one.rotation_deg for other in others)


def test_a_component_acts_as_it_does_in_the_whole_shift() -> None:
    path = ("carpet", "carpet/a.png")
    whole = asdict(SHIFT.parameters(*path))
    merged = {
        name: value
        for family in ("geometric", "illumination", "photometric")
        for name, value in asdict(named_domain(family, 1.0, 0).parameters(*path)).items()
        if value != asdict(ShiftParameters())[name]
    }
    assert {**asdict(ShiftParameters()), **merged} == whole


def test_severity_scales_about_the_identity() -> None:
    for index in range(50):
        path = ("c", f"{index}.png")
        half, one, two = (replace(SHIFT, severity=s).parameters(*path) for s in (0.5, 1.0, 2.0))
        assert replace(SHIFT, severity=0.0).parameters(*path) == ShiftParameters()
        assert half.rotation_deg == pytest.approx(one.rotation_deg / 2)
        assert 1 - two.scale == pytest.approx(2 * (1 - one.scale))
        assert 1 - half.brightness == pytest.approx((1 - one.brightness) / 2)
        assert two.noise_sigma == pytest.approx(2 * one.noise_sigma)
        assert half.illumination == one.illumination
        assert 1 - half.darkest == pytest.approx((1 - one.darkest) / 2)


@pytest.mark.parametrize("severity", [-0.1, float("nan"), float("inf")])
def test_severity_out_of_bounds_is_refused(severity: float) -> None:
    with pytest.raises(AdshiftError, match=r"domain\.severity=.* must be a number from 0 to 100"):
        Domain(severity=severity)


def test_clean_leaves_every_byte(tiny: Path) -> None:
    sample = index_category(tiny, "plate").test_anomalous[0]
    image, mask = read_pair(tiny, sample, Domain())
    zero, zero_mask = read_pair(tiny, sample, replace(SHIFT, severity=0.0))
    assert np.array_equal(image, zero)
    assert mask is not None
    assert zero_mask is not None
    assert np.array_equal(mask, zero_mask)
    assert mask.sum() == 100


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_the_mask_follows_the_image(number: int) -> None:
    mask = np.zeros((96, 96), np.uint8)
    mask[40:60, 30:52] = 1
    image = np.repeat(mask[:, :, None] * 200, 3, axis=2).astype(np.uint8)
    domain = named_domain("geometric", 1.0, number)
    p = domain.parameters("c", "c.png")
    moved, moved_mask = domain.apply(image, mask, p)
    assert moved_mask is not None
    assert set(np.unique(moved_mask)) <= {0, 1}
    bright = moved[:, :, 0] > 100
    disagree = (bright != moved_mask.astype(bool)).sum()
    assert disagree <= 0.15 * moved_mask.sum()
    assert abs(moved_mask.sum() / mask.sum() - p.scale**2) < 0.15


def test_translation_moves_right_and_down() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[50, 50] = 255
    moved, _ = transforms.warp(image, None, ShiftParameters(translate_x=0.1, translate_y=-0.05))
    row, column = np.unravel_index(moved[:, :, 0].argmax(), (100, 100))
    assert (row, column) == (45, 60)


@pytest.mark.parametrize(
    ("kind", "dark", "light"),
    [
        ("left", (32, 0), (32, 63)),
        ("right", (32, 63), (32, 0)),
        ("top", (0, 32), (63, 32)),
        ("bottom", (63, 32), (0, 32)),
        ("centre", (32, 32), (0, 0)),
        ("edges", (0, 0), (32, 32)),
    ],
)
def test_illumination_darkens_the_named_side(kind: str, dark: tuple[int, int], light: tuple[int, int]) -> None:
    field = transforms.illumination_field(kind, 0.5, 64, 64)  # type: ignore[arg-type]
    assert field.min() >= 0.5
    assert field.max() <= 1.0
    assert field[dark] == pytest.approx(field.min(), abs=0.03)
    assert field[light] == pytest.approx(field.max(), abs=0.03)
    assert field[light] - field[dark] > 0.25


def test_jitter_is_brightness_then_contrast_then_saturation() -> None:
    image = np.random.default_rng(0).integers(60, 120, (16, 16, 3), dtype=np.uint8)
    p = ShiftParameters(brightness=1.2, contrast=0.8, saturation=1.3)
    bright = np.clip(image * 1.2, 0, 255).astype(np.uint8).astype(float)
    grey = bright @ np.array([0.299, 0.587, 0.114])
    contrast = (np.rint(grey.mean()) * 0.2 + 0.8 * bright).round()
    grey = contrast @ np.array([0.299, 0.587, 0.114])
    expected = np.clip(1.3 * contrast - 0.3 * grey[:, :, None], 0, 255)
    assert np.abs(transforms.jitter(image, p) - expected).max() <= 3


def test_noise_has_the_sampled_sigma() -> None:
    image = np.full((200, 200, 3), 128, np.uint8)
    p = ShiftParameters(noise_sigma=0.04, noise_seed=5)
    noisy = transforms.add_noise(image, p).astype(float)
    assert noisy.std() == pytest.approx(0.04 * 255, rel=0.02)
    assert np.array_equal(transforms.add_noise(image, p), transforms.add_noise(image, p))


def test_written_data_set_is_the_domain_on_the_fly(tiny: Path, tmp_path: Path) -> None:
    written = write_category(tiny, tmp_path, "plate", SHIFT)
    original, shifted = index_category(tiny, "plate"), index_category(tmp_path, "plate")
    for a, b in zip(
        (*original.train_good, *original.test_anomalous), (*shifted.train_good, *shifted.test_anomalous), strict=True
    ):
        image, mask = read_pair(tiny, a, SHIFT)
        again, again_mask = read_pair(tmp_path, b, Domain())
        assert a.path == b.path
        assert np.array_equal(image, again)
        assert np.array_equal(mask, again_mask)
    with (written / PARAMETERS).open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["path"] for row in rows[:20]] == [s.path for s in original.train_good]
    first = SHIFT.parameters("plate", rows[0]["path"])
    assert float(rows[0]["rotation_deg"]) == first.rotation_deg
    assert rows[0]["illumination"] == first.illumination


def test_writing_never_overwrites_and_says_so(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plate").mkdir()
    assert main([str(tiny), str(tmp_path), "--categories", "plate"]) == 2
    assert "exists; remove it or name another output folder" in capsys.readouterr().err
    assert main([str(tiny), str(tmp_path), "--categories", "nothing"]) == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "plate"]
