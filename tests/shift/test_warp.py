"""The warp: what the formulas say to within a grey level, in whole numbers, without OpenCV, and the same everywhere."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from helpers.repo import REPO
from helpers.shifted_pictures import noise, pictures
from scipy.ndimage import map_coordinates

from adshift.data.shifted import named_domain
from adshift.shift.parameters import ShiftParameters
from adshift.shift.transforms import similarity, warp
from adshift.shift.warp import warp_image, warp_mask, weights

TURN = [[0.93, 0.21, -4.3], [-0.17, 1.04, 6.8]]
"""From the source to the result; no similarity, so that an axis that is mixed up shows."""
MODES = {"reflect": "mirror", "replicate": "nearest"}


def came_from(matrix: list[list[float]], height: int, width: int) -> np.ndarray:
    """Where each pixel of the result lies in the source: x and y, float64 [2, H, W]."""
    linear = np.linalg.inv(np.array(matrix)[:, :2])
    y, x = np.mgrid[:height, :width]
    return np.einsum("ij,jhw->ihw", linear, np.stack([x, y]) - np.array(matrix)[:, 2, None, None])


def exact(image: np.ndarray, matrix: list[list[float]], border: str, resampling: str, fill: np.ndarray) -> np.ndarray:
    """The warp in float64: a sum over all neighbours of every pixel."""
    height, width = image.shape[:2]
    room = 4 * max(height, width)
    padded = np.pad(
        image.astype(np.float64), ((room, room), (room, room), (0, 0)),
        mode={"reflect": "reflect", "replicate": "edge", "background": "constant"}[border],
    )  # fmt: skip
    if border == "background":
        outside = np.ones(padded.shape[:2], bool)
        outside[room : room + height, room : room + width] = False
        padded[outside] = fill
    x, y = came_from(matrix, height, width)
    reach = (0, 1) if resampling == "bilinear" else range(-3, 5)

    def kernel(away: np.ndarray) -> np.ndarray:
        if resampling == "bilinear":
            return 1 - np.abs(away)
        return np.sinc(away) * np.sinc(away / 4)

    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    total, whole = np.zeros(image.shape), np.zeros((height, width))
    for j in reach:
        for i in reach:
            weight = kernel(x - left - i) * kernel(y - top - j)
            total += weight[..., None] * padded[top + j + room, left + i + room]
            whole += weight
    return np.clip(total / whole[..., None], 0, 255)


@pytest.mark.parametrize("border", ["reflect", "replicate", "background"])
@pytest.mark.parametrize("resampling", ["bilinear", "lanczos"])
def test_an_image_is_what_the_formula_gives_to_within_rounding(border: str, resampling: str) -> None:
    image, fill = noise(61, 83), np.array([10.0, 200.0, 77.0])
    found = warp_image(image, TURN, border, resampling, fill).astype(float)
    wanted = exact(image, TURN, border, resampling, fill)
    assert np.abs(found - wanted).max() < 0.9  # half a level is the rounding to whole levels itself
    assert np.abs(found - wanted).mean() < 0.3


@pytest.mark.parametrize("border", MODES)
def test_bilinear_is_scipys_too(border: str) -> None:
    image = noise(61, 83)
    found = warp_image(image, TURN, border, "bilinear")
    x, y = came_from(TURN, 61, 83)
    for channel in range(3):
        wanted = map_coordinates(image[..., channel].astype(float), [y, x], order=1, mode=MODES[border])
        assert np.abs(found[..., channel] - wanted).max() < 0.9


@pytest.mark.parametrize("border", ["reflect", "replicate", "background"])
def test_a_mask_has_the_pixel_that_is_nearest(border: str) -> None:
    mask = (noise(61, 83)[..., 0] > 200).astype(np.uint8)
    x, y = came_from(TURN, 61, 83)
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    mode = {"reflect": "reflect", "replicate": "edge", "background": "constant"}[border]
    wanted = np.pad(mask, 200, mode=mode)[row + 200, column + 200]  # type: ignore[call-overload]
    assert np.array_equal(warp_mask(mask, TURN, border), wanted)


@pytest.mark.parametrize("resampling", ["bilinear", "lanczos"])
def test_whole_pixels_are_copied(resampling: str) -> None:
    image = noise(40, 50)
    moved = warp_image(image, [[1, 0, 7], [0, 1, -3]], "replicate", resampling)
    assert np.array_equal(moved[:37, 7:], image[3:, :43])
    assert np.array_equal(moved[37:, 7:], np.repeat(image[-1:, :43], 3, axis=0))
    assert np.array_equal(warp_image(image, [[1, 0, 0], [0, 1, 0]], "reflect", resampling), image)


@pytest.mark.parametrize("resampling", ["bilinear", "lanczos"])
@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
def test_one_colour_stays_that_colour(resampling: str, level: int) -> None:
    image = np.full((30, 40, 3), (level, 255 - level, 77), np.uint8)
    assert np.array_equal(warp_image(image, TURN, "reflect", resampling), image)


def test_no_channel_runs_into_its_neighbour() -> None:
    """Black beside white is where Lanczos overshoots most, in each channel another way."""
    y, x = np.mgrid[:64, :64]
    image = (255 * np.stack([x // 4 % 2, y // 3 % 2, (x + y) % 2], axis=2)).astype(np.uint8)
    found = warp_image(image, TURN, "reflect", "lanczos").astype(float)
    assert np.abs(found - exact(image, TURN, "reflect", "lanczos", np.zeros(3))).max() < 1.1


@pytest.mark.parametrize("resampling", ["bilinear", "lanczos"])
def test_weights_sum_to_one_everywhere(resampling: str) -> None:
    assert set(weights(resampling).sum(axis=0).tolist()) == {4096}


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 30), (30, 1), (2, 3)])
@pytest.mark.parametrize("border", ["reflect", "replicate", "background"])
def test_narrow_pictures_have_a_border_too(height: int, width: int, border: str) -> None:
    image = noise(height, width)
    moved = warp_image(image, TURN, border, "lanczos", (1, 2, 3))
    assert moved.shape == image.shape
    assert warp_mask(image[..., 0], TURN, border).shape == (height, width)


def test_a_shift_beyond_all_measure_is_a_picture() -> None:
    image = noise(20, 30)
    for severity in (10.0, 100.0):
        domain = named_domain("geometric", severity, 0)
        assert domain.apply(image, image[..., 0], domain.parameters("c", "c.png"))[0].shape == image.shape


def test_the_map_turns_about_the_middle_and_moves_by_whole_pixels() -> None:
    p = ShiftParameters(rotation_deg=30.0, scale=0.5, translate_x=0.109, translate_y=-0.109)
    matrix = np.array(similarity(p, 101, 201))
    assert matrix @ [100, 50, 1] == pytest.approx([100 + 21, 50 - 11])
    right = matrix @ [140, 50, 1] - matrix @ [100, 50, 1]  # counter-clockwise, as it is seen: up is negative
    assert right == pytest.approx([20 * math.cos(math.pi / 6), -20 * math.sin(math.pi / 6)])


def test_opencv_has_no_part_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its versions differ: the shifted picture is the same with whichever is installed."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a warp of OpenCV's")

    for name in ("warpAffine", "remap", "warpPerspective"):
        monkeypatch.setattr(cv2, name, refuse)
    image = noise(40, 50)
    p = ShiftParameters(rotation_deg=3.0, scale=0.95, translate_x=0.05)
    moved, mask = warp(image, image[..., 0] // 128, p)
    assert mask is not None
    assert moved.shape == image.shape


def test_shifted_pictures_are_those_that_were_written_down() -> None:
    """Another line here is other pictures for everyone: meant, it is written down anew, and told in the commit."""
    assert pictures() == (REPO / "tests/promises/pictures.txt").read_text(encoding="utf-8").splitlines()
