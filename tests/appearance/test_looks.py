"""What changed between two sets of pictures: each look answers to its own cause, and drift-free sets show nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from helpers.plates import plate

from adshift.appearance.changes import changes, in_words
from adshift.appearance.looks import LOOKS, measured
from adshift.shift.pixels import UInt8

NAMES = [look.name for look in LOOKS]


def value(image: UInt8, name: str) -> float:
    return measured(image)[NAMES.index(name)]


def flat(pixels: np.ndarray) -> UInt8:
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def test_light_is_the_mean_luma_and_its_slopes_are_those_of_the_plane() -> None:
    place = (np.arange(128) + 0.5) / 128 - 0.5
    grey = 100 * np.exp(0.4 * place[None, :] - 0.2 * place[:, None])
    image = flat(np.repeat(grey[..., None], 3, axis=2))
    luma = image[..., 0].astype(float)
    assert value(image, "light") == pytest.approx(luma.mean(), abs=0.01)
    assert value(image, "light, left to right") == pytest.approx(0.4, abs=0.01)
    assert value(image, "light, top to bottom") == pytest.approx(-0.2, abs=0.01)


def test_contrast_and_colour_are_ratios_that_a_brighter_lamp_leaves_alone() -> None:
    image = plate(1, side=128)
    darker = flat(0.5 * image)
    for name in ("contrast", "red against green", "blue against green"):
        assert value(darker, name) == pytest.approx(value(image, name), abs=0.02)
    red = flat(image * np.array([1.2, 1.0, 1.0]))
    assert value(red, "red against green") - value(image, "red against green") == pytest.approx(np.log(1.2), abs=0.01)


def test_blur_lowers_sharpness_and_noise_raises_noise() -> None:
    image = plate(2, side=128)
    assert value(cv2.GaussianBlur(image, (0, 0), 2.0), "sharpness") < value(image, "sharpness") - 0.3
    noisy = flat(image + np.random.default_rng(0).normal(0, 12, image.shape[:2])[..., None])
    grown = np.exp(value(noisy, "noise") - value(image, "noise"))
    assert grown == pytest.approx(np.hypot(6, 12) / 6, rel=0.1)  # the plate's own grain is 6 grey levels


def test_the_pose_is_where_the_object_lies_and_nan_without_one() -> None:
    image = np.full((100, 100, 3), 180, np.uint8)
    cv2.circle(image, (40, 60), 20, (60, 60, 60), -1)
    assert value(image, "place, left to right") == pytest.approx(0.405, abs=0.01)
    assert value(image, "place, top to bottom") == pytest.approx(0.605, abs=0.01)
    assert np.isnan(value(np.full((100, 100, 3), 128, np.uint8), "place, left to right"))


@pytest.mark.parametrize("image", [np.zeros((40, 40, 3), np.uint8), np.full((40, 40, 3), 255, np.uint8)])
def test_black_and_white_pictures_have_finite_looks(image: UInt8) -> None:
    assert np.isfinite(measured(image)[:-3]).all()


def test_a_brighter_lamp_is_shown_as_light_and_first() -> None:
    before = [measured(plate(seed)) for seed in range(24)]
    after = [measured(plate(100 + seed, gain=1.25)) for seed in range(24)]
    found = changes(before, after)
    assert found[0].look.name == "light"
    assert found[0].shown
    assert "brighter" in in_words(found[0])
    assert not any(change.shown for change in found if change.look.kind == "pose")


def test_pictures_of_one_lamp_show_no_change() -> None:
    """Forty comparisons of 24 with 24: at 1 % over all looks, and only where they moved by a spread."""
    looks = np.array([measured(plate(seed, side=48)) for seed in range(24 * 20)])
    sets = np.random.default_rng(1).permutation(len(looks)).reshape(20, 24)
    shown = sum(
        any(c.shown for c in changes(looks[a], looks[b])) for a, b in zip(sets, np.roll(sets, 1, 0), strict=True)
    )
    assert shown <= 2


def test_a_look_that_few_pictures_have_is_left_out() -> None:
    rows = np.ones((12, len(LOOKS)))
    rows[:, -1] = np.nan
    rows[:3, -1] = 1.0
    assert [c.look.name for c in changes(rows, rows)].count(LOOKS[-1].name) == 0
