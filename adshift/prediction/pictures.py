"""Pictures of a prediction: the image beside its overlay, and the anomaly map itself, both as PNG."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from adshift.calibration.regions import without_small
from adshift.calibration.thresholds import LARGEST_SCORE
from adshift.errors import AdshiftError
from adshift.prediction.decode import rgb, room_for
from adshift.prediction.detector import Prediction
from adshift.report.pictures import GAP, colour_scale, outline, overlay
from adshift.shift.pixels import UInt8
from adshift.system.writing import writing

CHOICES = ("all", "anomalous", "none")
GREYS = 65535
UNIT = "map_unit"
"""Name of the text in a map's PNG that says what one grey level is worth."""
LONGEST = 4
"""Longer side of a map's PNG, in sides of the model's square, at most."""
A_FOLDER = 1000
"""Pictures a folder, so that no folder grows unwieldy."""
TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class MapScale:
    """How raw map values become colours and grey levels, one scale for all images of a prediction.

    Attributes:
        low, high: the values that the colours span.
        unit: what one of the 65535 grey levels of a map's PNG is worth.
    """

    low: float
    high: float
    unit: float

    @staticmethod
    def of(pixel_threshold: float | None, first_map: NDArray[np.float32]) -> MapScale:
        """The pixel threshold in the middle of the colours, grey up to four times it; without one, by the first map.

        So also where its colours and grey levels are no float32.
        """
        if pixel_threshold is not None and TINY * GREYS <= pixel_threshold <= LARGEST_SCORE / 4:
            return MapScale(0.5 * pixel_threshold, 1.5 * pixel_threshold, 4 * pixel_threshold / GREYS)
        low, high = colour_scale([first_map])
        return MapScale(low, high, 4 * high / GREYS)


class Pictures:
    """Draws what was asked for and no more.

    Args:
        folder: the output folder.
        choice: ``all``, ``anomalous`` or ``none`` of the images.
        limit: at most this many anomalous images, and as many others; 0 has no limit.
        side: the longer side of an image in its picture, pixels.
        pixel_threshold: outlined in the overlay, and sets the colours.
        region: the smallest region that is outlined, in pixels of the map.

    Raises:
        AdshiftError: an argument out of bounds.
    """

    def __init__(
        self, folder: Path, choice: str, limit: int, side: int, pixel_threshold: float | None, region: int = 1
    ) -> None:
        if choice not in CHOICES:
            raise AdshiftError(f"pictures={choice} must be one of: {', '.join(CHOICES)}")
        if limit < 0 or not 32 <= side <= 4096:
            raise AdshiftError(f"max_pictures={limit} must be >= 0 (0: no limit) and picture_size={side} in [32, 4096]")
        self._folder = folder
        self._choice = choice
        self._limit = limit
        self._side = side
        self._pixel_threshold = pixel_threshold
        self._region = region
        self.scale: MapScale | None = None
        self.drawn = {True: 0, False: 0}
        """Pictures of anomalous images, and of others."""

    def wanted(self, prediction: Prediction) -> bool:
        """Whether this image gets its pictures. Where nothing is decided, ``anomalous`` draws all."""
        anomalous = bool(prediction.anomalous)
        if self._choice == "none" or (self._choice == "anomalous" and prediction.anomalous is False):
            return False
        return self._limit == 0 or self.drawn[anomalous] < self._limit

    def draw(self, place: int, prediction: Prediction) -> tuple[str, str]:
        """Write overlay and map; returns their paths relative to the folder.

        Raises:
            AdshiftError: the image is gone since it was scored.
        """
        self.scale = self.scale or MapScale.of(self._pixel_threshold, prediction.anomaly_map)
        self.drawn[bool(prediction.anomalous)] += 1
        name = file_name(place, prediction.name)
        paths = tuple(f"{kind}/{place // A_FOLDER:03}/{name}" for kind in ("overlays", "maps"))
        for path in paths:
            (self._folder / path).parent.mkdir(parents=True, exist_ok=True)
        drawn = prediction.anomaly_map, self.scale, self._pixel_threshold, self._side, self._region
        with room_for(self._side) as take:
            pair = side_by_side(rgb(prediction.name, take), *drawn)
        with writing(self._folder):
            Image.fromarray(pair).save(self._folder / paths[0])
            write_map(self._folder / paths[1], in_own_aspect(prediction.anomaly_map, prediction.shape), self.scale.unit)
        return paths[0], paths[1]


def file_name(place: int, path: str) -> str:
    """A PNG's name: the image's place in the source, which no two share, and what is plain of its own name."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(path).stem)[:60]
    return f"{place:06}_{stem}.png"


def side_by_side(
    image: UInt8,
    anomaly_map: NDArray[np.float32],
    scale: MapScale,
    pixel_threshold: float | None,
    side: int,
    region: int = 1,
) -> UInt8:
    """The image and the image under its map, regions at or over the threshold outlined; uint8 [H, 2 W + gap, 3].

    Args:
        image: uint8, of any size.
        anomaly_map: float32 [S, S].
        scale: of the colours.
        pixel_threshold: None outlines nothing.
        side: max(H, W), pixels.
        region: the smallest region that is outlined, in pixels of the map.
    """
    import cv2

    factor = side / max(image.shape[:2])
    width, height = (max(1, round(n * factor)) for n in (image.shape[1], image.shape[0]))
    small = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    level = cv2.resize(anomaly_map, (width, height), interpolation=cv2.INTER_LINEAR)
    heat = overlay(small, level, (scale.low, scale.high))
    if pixel_threshold is not None:
        held = np.asarray(without_small(anomaly_map, pixel_threshold, region), np.float32)
        level = cv2.resize(held, (width, height), interpolation=cv2.INTER_LINEAR)
        heat = outline(heat, (level >= pixel_threshold).astype(np.uint8))
    return np.concatenate([small, np.full((height, GAP, 3), 255, np.uint8), heat], axis=1)


def in_own_aspect(anomaly_map: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """A map [S, S] in the aspect of its picture: the shorter side keeps S, as long as the longer has at most 4 S.

    Args:
        anomaly_map: of the picture as the model saw it, squashed into a square.
        shape: height and width of the picture.
    """
    import cv2

    size, (height, width) = len(anomaly_map), shape
    if height == width:
        return anomaly_map
    factor = min(size / min(shape), LONGEST * size / max(shape))
    wanted = tuple(max(1, round(side * factor)) for side in (width, height))
    return np.asarray(cv2.resize(anomaly_map, wanted, interpolation=cv2.INTER_LINEAR), np.float32)


def write_map(path: Path, anomaly_map: NDArray[np.float32], unit: float) -> None:
    """Write a map as 16-bit grey PNG: value = grey * unit, cut at 65535; ``unit`` stands in the file as a text too."""
    info = PngInfo()
    info.add_text(UNIT, repr(unit))
    grey = np.clip(np.rint(anomaly_map / unit), 0, GREYS).astype(np.uint16)
    Image.fromarray(grey).save(path, pnginfo=info)


def read_map(path: Path) -> NDArray[np.float32]:
    """Read what ``write_map`` wrote: float32 [h, w], raw distances to within half a grey level."""
    with Image.open(path, formats=("PNG",)) as image:
        return (np.asarray(image, np.float64) * float(image.info[UNIT])).astype(np.float32)
