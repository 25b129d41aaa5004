"""Random fields on the drawing canvas: smooth noise, fractal noise, grain."""

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]

CANVAS = 512  # side of the square canvas that is drawn on, twice the side of the photograph


def plane() -> tuple[Field, Field]:
    """Pixel-centre coordinates of the canvas: x as (1, CANVAS), y as (CANVAS, 1), to be broadcast."""
    ticks = np.arange(CANVAS, dtype=np.float32)
    return ticks[None, :], ticks[:, None]


def blur(field: Field, sigma: float) -> Field:
    """Gaussian blur of a field by `sigma` canvas pixels; a wide one works at a quarter of the size."""
    if sigma >= 6:
        quarter = cv2.resize(field, (CANVAS // 4, CANVAS // 4), interpolation=cv2.INTER_AREA)
        soft = cv2.GaussianBlur(quarter, (0, 0), sigma / 4)
        return np.asarray(cv2.resize(soft, (CANVAS, CANVAS), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma), dtype=np.float32)


def smooth_noise(rng: np.random.Generator, cell: float) -> Field:
    """Normal noise on a grid of `cell` canvas pixels, interpolated; zero mean, variance a little under 1."""
    nodes = int(np.ceil(CANVAS / cell)) + 3
    grid = rng.standard_normal((nodes, nodes), dtype=np.float32)
    shrink = 4 if cell >= 28 else 1  # a coarse field is drawn small first: four times as fast, and no eye can tell
    side, span = round(nodes * cell / shrink), CANVAS // shrink
    field = cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
    start = (side - span) // 2
    field = field[start : start + span, start : start + span]
    if shrink > 1:
        field = cv2.resize(field, (CANVAS, CANVAS), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(field, dtype=np.float32)


def fractal_noise(rng: np.random.Generator, cell: float, octaves: int) -> Field:
    """Sum of `octaves` smooth noises, each half as coarse and 0.6 times as strong as the one before."""
    field = smooth_noise(rng, cell)
    for octave in range(1, octaves):
        field += np.float32(0.6**octave) * smooth_noise(rng, cell / 2**octave)
    return field


def grain(rng: np.random.Generator, sigma: float) -> Field:
    """White noise blurred by `sigma` canvas pixels and brought back to unit standard deviation."""
    white = rng.standard_normal((CANVAS, CANVAS), dtype=np.float32)
    return blur(white, sigma) * np.float32(2.0 * np.sqrt(np.pi) * sigma)


def slopes(height: Field) -> tuple[Field, Field]:
    """Central differences of a height field along x and along y, rise per canvas pixel."""
    along_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)
    along_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)
    return np.asarray(along_x, dtype=np.float32), np.asarray(along_y, dtype=np.float32)


def remainder(field: Field, period: float) -> Field:
    """`field` modulo `period`, in [0, period); several times as fast as numpy's own."""
    return np.asarray(field - period * np.floor(field / period), dtype=np.float32)


def smoothstep(low: float, high: float, field: Field) -> Field:
    """0 under `low`, 1 over `high`, the cubic 3t^2 - 2t^3 between them (`low` > `high` turns it round)."""
    t = np.clip((field - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def paint(image: Field, cover: Field, colour: Field | tuple[float, float, float]) -> Field:
    """Lay `colour` (one RGB or an image, in [0, 1]) over `image` (H, W, 3) where `cover` (H, W) is 1."""
    layer = np.asarray(colour, dtype=np.float32)
    return np.asarray(image + cover[..., None] * (layer - image), dtype=np.float32)
