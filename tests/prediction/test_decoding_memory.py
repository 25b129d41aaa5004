"""How much large pictures may take while they are decoded, whatever the number of threads."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adshift.data import images
from adshift.data.images import to_rgb
from adshift.prediction import decode
from adshift.shift import pixels
from adshift.shift.pixels import resize_image
from adshift.system.room import Room

VALUES = np.arange(65536, dtype=np.uint16).reshape(256, 256)


def test_threads_decode_no_more_at_once_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(VALUES).save(path)
    at_once, most, mutex = [0], [0], threading.Lock()
    to_rgb = images.to_rgb

    def watched(image: Image.Image) -> pixels.UInt8:
        with mutex:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        time.sleep(0.01)
        try:
            return to_rgb(image)
        finally:
            with mutex:
                at_once[0] -= 1

    monkeypatch.setattr(images, "to_rgb", watched)
    each = 8 * VALUES.size + 7 * 32 * 256
    monkeypatch.setattr(decode, "ROOM", Room(2 * each + each // 2))
    found = list(decode.decode_all([path] * 12, 32, 8, 24))
    assert [d.error for d in found] == [""] * 12
    assert most[0] == 2


def test_a_large_picture_leaves_no_memory_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, given = tmp_path / "deep.png", list[int]()
    Image.fromarray(VALUES).save(path)
    monkeypatch.setattr(decode, "give_back_freed_memory", lambda: given.append(1))
    assert decode.decode("deep", path, 32).pixels is not None
    assert given == []
    monkeypatch.setattr(decode, "LARGE", 1000)
    assert decode.decode("deep", path, 32).pixels is not None
    assert given == [1]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "YCbCr"])
def test_an_image_in_strips_is_the_one_that_pillow_makes_at_once(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (23, 17, 4)).astype(np.uint8)
    base = Image.fromarray(colours)
    indexed = base.convert("RGB").quantize(16)
    image = {"P": indexed, "PA": indexed.convert("PA"), "LA": base.convert("LA"), "RGBA": base}.get(mode)
    image = base.convert("RGB").convert(mode) if image is None else image
    whole = np.asarray(image.convert("RGB"))
    across = Image.fromarray(whole).resize((9, 23), Image.Resampling.BILINEAR)
    small = np.asarray(across.resize((9, 9), Image.Resampling.BILINEAR))
    for strip in (1, 40, 1 << 20):
        monkeypatch.setattr(pixels, "STRIP_PIXELS", strip)
        assert (to_rgb(image) == whole).all()
        assert (resize_image(whole, 9) == small).all()


def test_every_sixteen_bit_value_is_scaled_as_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "STRIP_PIXELS", 1000)
    expected = np.rint(VALUES.astype(np.float64) / 257.0)
    assert (to_rgb(Image.fromarray(VALUES)) == expected[:, :, None]).all()
    swapped = Image.frombytes("I;16B", (256, 256), VALUES.astype(">u2").tobytes())
    assert (to_rgb(swapped) == expected[:, :, None]).all()


def test_an_image_of_ones_own_is_left_as_it_is() -> None:
    image = Image.fromarray(np.zeros((4, 6), np.uint8)).convert("P")
    image.info["transparency"] = 0
    image.getexif()[0x0112] = 6
    assert to_rgb(image).shape == (6, 4, 3)
    assert (image.size, image.mode, image.info["transparency"]) == ((6, 4), "P", 0)


def test_a_thread_of_an_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "thread.png"
    Image.new("L", (1, images.MAX_SIDE + 1)).save(path)
    told = decode.decode("thread", path, 64).error
    assert f"is too large (1 x {images.MAX_SIDE + 1} pixels, the limit is {images.MAX_SIDE} a side)" in told
