"""Decoding, resizing and normalising image files, and refusing the broken ones."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adshift.data.acquire import verify_files
from adshift.data.dataset import ImageDataset, read_pair
from adshift.data.images import normalise, read_image, read_mask
from adshift.data.samples import Sample
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
from adshift.shift.pixels import resize_image, resize_mask


@pytest.fixture
def pixels() -> np.ndarray:
    """uint8 [24, 40, 3], smooth, so that JPEG keeps it nearly."""
    y, x = np.mgrid[0:24, 0:40]
    return np.stack([5 * x + 10, 8 * y + 20, 3 * x + 3 * y], axis=2).astype(np.uint8)


@pytest.mark.parametrize(("suffix", "tolerance"), [("png", 0), ("bmp", 0), ("tiff", 0), ("tif", 0), ("jpg", 12)])
def test_formats_decode_to_the_same_rgb(tmp_path: Path, pixels: np.ndarray, suffix: str, tolerance: int) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(pixels).save(path)
    found = read_image(path)
    assert (found.dtype, found.shape) == (np.uint8, (24, 40, 3))
    assert np.abs(found.astype(int) - pixels).max() <= tolerance


def test_greyscale_is_repeated_over_the_channels(tmp_path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels[:, :, 0]).save(tmp_path / "grey.png")
    found = read_image(tmp_path / "grey.png")
    assert all((found[:, :, c] == pixels[:, :, 0]).all() for c in range(3))


def test_sixteen_bit_greyscale_is_scaled_by_its_full_range(tmp_path: Path) -> None:
    values = np.array([[0, 257, 32896, 65535, 300, 400]], np.uint16)
    for suffix in ("png", "tiff"):
        Image.fromarray(values).save(tmp_path / f"deep.{suffix}")
        found = read_image(tmp_path / f"deep.{suffix}")
        assert found[0, :, 0].tolist() == [0, 1, 128, 255, 1, 2]
        assert found.shape == (1, 6, 3)


def test_palette_one_bit_and_alpha_become_rgb(tmp_path: Path, pixels: np.ndarray) -> None:
    flat = np.full((8, 8, 3), (200, 30, 90), np.uint8)
    Image.fromarray(flat).quantize(4).save(tmp_path / "palette.png")
    assert read_image(tmp_path / "palette.png")[3, 3].tolist() == [200, 30, 90]
    alpha = np.dstack([pixels, np.full(pixels.shape[:2], 7, np.uint8)])
    Image.fromarray(alpha).save(tmp_path / "alpha.png")
    assert (read_image(tmp_path / "alpha.png") == pixels).all()
    Image.fromarray(np.eye(4, dtype=bool)).save(tmp_path / "bit.png")
    assert (read_image(tmp_path / "bit.png")[:, :, 1] == 255 * np.eye(4)).all()


@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_exif_rotation_is_applied(tmp_path: Path, pixels: np.ndarray, orientation: int, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    found = read_image(tmp_path / "turned.png")
    assert found.shape == np.rot90(pixels, turn).shape
    assert (found == np.rot90(pixels, turn)).all()


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AdshiftError, match=r"gone\.png does not exist"):
        read_image(tmp_path / "gone.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tiff"])
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.6])
def test_truncated_files_are_refused_before_and_at_decoding(tmp_path: Path, suffix: str, kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(noise).save(path)
    verify_files(tmp_path, [Sample(path.name, "c", "good")])
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    says = rf"cut\.{suffix} (is empty|cannot be read \(.*\)); replace or remove the file$"
    with pytest.raises(AdshiftError, match="image .*" + says):
        read_image(path)
    with pytest.raises(AdshiftError, match=says):
        verify_files(tmp_path, [Sample(path.name, "c", "good")])


def test_a_pipe_is_refused_unopened(tmp_path: Path) -> None:
    """Opening one waits for whoever may write into it; a writer here keeps the test itself from that."""
    os.mkfifo(tmp_path / "a.png")
    writer = os.open(tmp_path / "a.png", os.O_RDWR)
    os.write(writer, b"sixteen bytes or more of no picture")
    try:
        with pytest.raises(AdshiftError, match="is a pipe, a socket or a device; name an image file"):
            read_image(tmp_path / "a.png")
    finally:
        os.close(writer)


def test_text_in_an_images_clothes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note.png").write_text("no image")
    with pytest.raises(AdshiftError, match=r"note\.png cannot be read"):
        read_image(tmp_path / "note.png")


def test_verification_counts_the_broken_and_names_the_first(tmp_path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(tmp_path / "0.png")
    for name in ("1.png", "2.png", "3.png"):
        (tmp_path / name).write_bytes(b"broken")
    samples = [Sample(f"{i}.png", "c", "good") for i in range(4)]
    with pytest.raises(AdshiftError, match=r"1\.png cannot be read .* \(and 2 more\)$"):
        verify_files(tmp_path, samples)
    with pytest.raises(AdshiftError, match=r"1\.png cannot be read .* \(and 2 more: DOCTOR lists all\)$"):
        verify_files(tmp_path, samples, "DOCTOR")


def test_a_mask_must_have_its_images_size(tmp_path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(np.zeros((20, 40), np.uint8)).save(tmp_path / "mask.png")
    sample = Sample("a.png", "c", "cut", "mask.png")
    with pytest.raises(AdshiftError, match=r"mask\.png is 40 x 20, its image 40 x 24; both must have one size"):
        verify_files(tmp_path, [sample])
    with pytest.raises(AdshiftError, match=r"mask\.png is 40 x 20, its image 40 x 24"):
        read_pair(tmp_path, sample, Domain())


def test_verification_sees_a_turned_image_as_the_reader_does(tmp_path: Path, pixels: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((40, 24), np.uint8)).save(tmp_path / "mask.png")
    for name in ("a.png", "a.jpg"):
        Image.fromarray(pixels).save(tmp_path / name, exif=exif)
        sample = Sample(name, "c", "cut", "mask.png")
        verify_files(tmp_path, [sample])
        image, mask = read_pair(tmp_path, sample, Domain())
        assert mask is not None
        assert image.shape[:2] == mask.shape == (40, 24)


def test_mask_is_one_over_half_the_range(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 1, 127, 128, 255]], np.uint8)).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").tolist() == [[0, 0, 0, 1, 1]]


def test_image_resize_is_bilinear_with_antialiasing() -> None:
    step = np.zeros((64, 64, 3), np.uint8)
    step[:, ::2] = 200
    small = resize_image(step, 16)
    assert small.shape == (16, 16, 3)
    assert np.abs(small[:, 2:-2].astype(int) - 100).max() <= 2  # without antialiasing it would be 0 or 200
    ramp = np.repeat(np.arange(0, 256, 8, dtype=np.uint8)[None, :, None], 32, axis=0).repeat(3, axis=2)
    doubled = resize_image(ramp, 64)
    expected = np.interp((np.arange(64) + 0.5) / 2 - 0.5, np.arange(32), np.arange(0, 256, 8))
    assert np.abs(doubled[10, :, 0] - expected).max() <= 1
    assert resize_image(doubled, 64) is doubled


@pytest.mark.parametrize("size", [7, 16, 100])
def test_mask_resize_takes_the_nearest_and_stays_binary(size: int) -> None:
    mask = (np.random.default_rng(1).random((64, 48)) > 0.7).astype(np.uint8)
    found = resize_mask(mask, size)
    assert set(np.unique(found)) <= {0, 1}
    centres = np.arange(size) + 0.5
    sides = (0.0, 1e-6)  # of the border between two pixels, where a centre falls on one
    nearest = [
        mask[np.ix_(np.floor(centres * 64 / size - y).astype(int), np.floor(centres * 48 / size - x).astype(int))]
        for y in sides
        for x in sides
    ]
    assert np.any([found == expected for expected in nearest], axis=0).all()


def test_normalise_by_hand(pixels: np.ndarray) -> None:
    tensor = normalise(pixels)
    assert tuple(tensor.shape) == (3, 24, 40)
    for c, (mean, std) in enumerate([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]):
        expected = (pixels[:, :, c].astype(np.float64) / 255 - mean) / std
        np.testing.assert_allclose(tensor[c].numpy(), expected, rtol=0, atol=1e-6)
    assert pixels[0, 0].tolist() == [10, 20, 0]  # the input is untouched


def test_the_dataset_serves_input_or_original_masks(tiny: Path) -> None:
    samples = [
        Sample("plate/test/blot/000.png", "plate", "blot", "plate/ground_truth/blot/000_mask.png"),
        Sample("plate/test/blot/001.png", "plate", "blot"),
        Sample("plate/test/good/000.png", "plate", "good"),
    ]
    at_input = ImageDataset(tiny, samples, Domain(), 32)
    original = ImageDataset(tiny, samples, Domain(), 32, "original")
    assert [item.image.shape for item in at_input] == [(32, 32, 3)] * 3
    assert [None if item.mask is None else (item.mask.shape, int(item.mask.sum())) for item in at_input] == [
        ((32, 32), 25), None, ((32, 32), 0),
    ]  # fmt: skip
    assert [None if item.mask is None else item.mask.shape for item in original] == [(64, 64), None, (64, 64)]
