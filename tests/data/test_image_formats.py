"""Unusual image files are read rightly or refused, before a fit as in it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from adshift.data.check.headers import read_header
from adshift.data.images import read_image


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_header_gives_the_size_that_the_reader_gives(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"a.{suffix}"
    pixels = np.random.default_rng(0).integers(0, 256, (24, 40, 3)).astype(np.uint8)
    options = {} if suffix == "bmp" else {"exif": _exif(orientation)}
    Image.fromarray(pixels).save(path, **options)
    header = read_header(path)
    assert (header.height, header.width) == read_image(path).shape[:2]
    assert header.orientation == (1 if suffix == "bmp" else orientation)


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}])
def test_a_tiff_is_told_whole_from_cut_without_decoding(
    tmp_path: Path, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.tif", **options)  # type: ignore[arg-type]
    monkeypatch.setattr("adshift.data.check.headers.to_rgb", lambda _: pytest.fail("decoded"))
    assert read_header(tmp_path / "a.tif").size == "64 x 64"


@pytest.mark.parametrize("name", ["rgb.png", "rgba.png", "rgb.tif"])
def test_sixteen_bit_colour_keeps_its_high_byte(tmp_path: Path, name: str) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (8, 9, 4 if "rgba" in name else 3)).astype(np.uint16)
    if values.shape[2] == 4:
        values[:, :, 3] = 65535
    cv2.imwrite(str(tmp_path / name), values)
    assert (read_image(tmp_path / name) == (values[:, :, 2::-1] >> 8)).all()


def test_palettes_and_colour_keys_with_transparency_lose_it(tmp_path: Path) -> None:
    flat = Image.fromarray(np.full((8, 8, 3), (200, 30, 90), np.uint8))
    flat.quantize(4).save(tmp_path / "some.png", transparency=bytes([0, 9, 255, 3]))
    flat.quantize(4).save(tmp_path / "one.png", transparency=0)
    flat.save(tmp_path / "key.png", transparency=(200, 30, 90))
    for name in ("some.png", "one.png", "key.png"):
        assert (read_image(tmp_path / name) == (200, 30, 90)).all()
