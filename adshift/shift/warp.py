"""An affine warp in whole numbers: the same picture wherever it is computed.

OpenCV's ``warpAffine`` rounds coordinates and weights in another way in 4.12 than in 5.0. Here coordinates are multiples
of 2^-32 px and weights of 2^-12, and whatever is summed is a whole number: no library, and no processor, has a choice.
Floating point is met in the six numbers of the inverse and in the table of weights alone; both are rounded, far from the
last digits in which machines differ.

The three channels of a pixel lie side by side in one int64 (``LANE`` bits each), so that one multiplication weighs all.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from adshift.shift.pixels import UInt8

Int = NDArray[np.int64]
Matrix = Sequence[Sequence[float]] | NDArray[np.float64]
"""[2, 3], from a pixel (x, y) of the source to where it goes; the centres of pixels have whole coordinates."""

COORDINATE, PHASE, WEIGHT, LANE = 32, 11, 12, 21
"""Bits after the point of a coordinate, of a coordinate that weights are chosen by, of a weight; bits of a channel."""
BIAS = 1 << (WEIGHT + 7)
"""Added to a channel's sum so that it never is below 0: negative weights of ``lanczos`` take at most 0.36 * 255."""
LANES = tuple(LANE * channel for channel in range(3))
FARTHEST = 1 << 24
"""Pixels: a constant term beyond it is cut, so that sums stay in 64 bits. No picture is that wide."""
BLOCK = 1 << 14
"""Pixels that are computed together: what belongs to them stays in the processor's cache."""


def warp_image(
    image: UInt8, matrix: Matrix, border: str, resampling: str, fill: Sequence[float] = (0.0, 0.0, 0.0)
) -> UInt8:
    """An image uint8 [H, W, 3] under an affine map, of the same size.

    Args:
        image: the source.
        matrix: from the source to the result.
        border: what lies beyond the frame: ``reflect`` (the outermost pixels are not repeated), ``replicate``, or
            ``background``, the colour ``fill``.
        resampling: ``bilinear``, or ``lanczos`` over 8 x 8 pixels.
        fill: a value a channel.
    """
    height, width = image.shape[:2]
    weights_TP = weights(resampling)
    source = _framed(image, np.rint(fill)) if border == "background" else image
    red, green, blue = (source[..., channel].astype(np.int64) << lane for channel, lane in enumerate(LANES))
    packed = (red | green | blue).ravel()
    across, down = (_Axis(row, (width, height), n, border, len(weights_TP)) for row, n in _rows(matrix, width, height))
    moved = np.empty_like(image)
    for rows in _blocks(height, width):
        columns, weights_x = across.taps(rows, weights_TP)
        lines, weights_y = down.taps(rows, weights_TP)
        sums = [np.full(columns[0].shape, (1 << (2 * WEIGHT - 1)) - (BIAS << WEIGHT)) for _ in LANES]
        for line, weight_y in zip(lines, weights_y, strict=True):
            start = line * source.shape[1]
            lanes = np.full(start.shape, sum(BIAS << lane for lane in LANES))
            for column, weight_x in zip(columns, weights_x, strict=True):
                lanes += weight_x * packed.take(start + column)
            for channel, lane in enumerate(LANES):
                sums[channel] += weight_y * ((lanes >> lane) & ((1 << LANE) - 1))
        for channel, total in enumerate(sums):
            moved[rows, :, channel] = np.clip(total >> (2 * WEIGHT), 0, 255)
    return moved


def warp_mask(mask: UInt8, matrix: Matrix, border: str) -> UInt8:
    """A mask uint8 [H, W] under an affine map, nearest neighbour; beyond a ``background`` border there is 0."""
    height, width = mask.shape
    source = _framed(mask, 0) if border == "background" else mask
    across, down = (_Axis(row, (width, height), n, border, 1) for row, n in _rows(matrix, width, height))
    moved = np.empty_like(mask)
    for rows in _blocks(height, width):
        moved[rows] = source[down.nearest(rows), across.nearest(rows)]
    return moved


@functools.cache
def weights(resampling: str) -> Int:
    """Weights [T, P] of T neighbours, in 2^-WEIGHT, at P = 2^PHASE places between two pixels; a place's sum to one."""
    place_P = np.arange(1 << PHASE) / (1 << PHASE)
    if resampling == "bilinear":
        exact_TP = np.stack([1 - place_P, place_P])
    else:
        away_TP = place_P - np.arange(-3, 5)[:, None]
        exact_TP = np.sinc(away_TP) * np.sinc(away_TP / 4)
        exact_TP /= exact_TP.sum(axis=0)
    rounded_TP = np.rint(exact_TP * (1 << WEIGHT)).astype(np.int64)
    largest_P = rounded_TP.argmax(axis=0)
    rounded_TP[largest_P, np.arange(1 << PHASE)] += (1 << WEIGHT) - rounded_TP.sum(axis=0)
    rounded_TP.flags.writeable = False
    return rounded_TP


class _Axis:
    """Where the pixels of a result come from along one axis of the source.

    Args:
        row: three whole numbers in 2^-COORDINATE px: what x, y and 1 contribute.
        size: (width, height) of the result.
        length: of the source along the axis, without a frame.
        border: as for ``warp_image``; ``background`` counts the frame in.
        taps: neighbours that a pixel is made of.
    """

    def __init__(self, row: tuple[int, int, int], size: tuple[int, int], length: int, border: str, taps: int) -> None:
        (by_x, by_y, self._constant), (width, height) = row, size
        self._by_x = by_x * np.arange(width)
        self._by_y = by_y * np.arange(height)[:, None]
        ends = [self._constant + x + y for x in (0, by_x * (width - 1)) for y in (0, by_y * (height - 1))]
        self._first = (min(ends) >> COORDINATE) - taps
        self._index = _folded(np.arange(self._first, (max(ends) >> COORDINATE) + taps + 2), length, border)

    def _coordinates(self, rows: slice) -> Int:
        coordinates: Int = self._by_x + (self._by_y[rows] + self._constant)
        return coordinates

    def nearest(self, rows: slice) -> Int:
        """Indices [h, W] of the pixels that are nearest."""
        coordinates = self._coordinates(rows) + (1 << (COORDINATE - 1))
        return self._index.take((coordinates >> COORDINATE) - self._first)

    def taps(self, rows: slice, weights_TP: Int) -> tuple[list[Int], list[Int]]:
        """Indices [h, W] of T neighbours, and their weights."""
        cut = COORDINATE - PHASE
        coordinates = (self._coordinates(rows) + (1 << (cut - 1))) >> cut
        phase = coordinates & ((1 << PHASE) - 1)
        before = (coordinates >> PHASE) - (self._first + len(weights_TP) // 2 - 1)
        return [self._index.take(before + tap) for tap in range(len(weights_TP))], [w.take(phase) for w in weights_TP]


def _rows(matrix: Matrix, width: int, height: int) -> list[tuple[tuple[int, int, int], int]]:
    """The inverse in 2^-COORDINATE px, a row an axis of the source, with the axis's length."""
    (a, b, c), (d, e, f) = ([float(value) for value in row] for row in matrix)
    area = a * e - b * d
    inverse = [[e / area, -b / area, (b * f - e * c) / area], [-d / area, a / area, (d * c - a * f) / area]]
    rows = []
    for (by_x, by_y, constant), length in zip(inverse, (width, height), strict=True):
        constant = max(-FARTHEST, min(FARTHEST, constant))
        x, y, one = (round(value * (1 << COORDINATE)) for value in (by_x, by_y, constant))
        rows.append(((x, y, one), length))
    return rows


def _folded(places: Int, length: int, border: str) -> Int:
    """Which pixel of an axis stands for each place, on the frame and beyond it."""
    if border == "background":
        return np.clip(places, -1, length) + 1
    if border == "replicate":
        return np.clip(places, 0, length - 1)
    period = max(1, 2 * (length - 1))
    around = places % period
    return np.minimum(around, period - around)


def _framed(pixels: UInt8, fill: float | NDArray[np.float64]) -> UInt8:
    """With a frame of one pixel of a colour about it."""
    height, width = pixels.shape[:2]
    framed = np.empty((height + 2, width + 2, *pixels.shape[2:]), np.uint8)
    framed[...] = fill
    framed[1:-1, 1:-1] = pixels
    return framed


def _blocks(height: int, width: int) -> Iterator[slice]:
    step = max(1, BLOCK // width)
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))
