"""Illumination flattening: divide an image by a smooth field that its light differs from the train set's by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adshift.data.images import UInt8
from adshift.correction.luminance import GRID, Float, coarse, joined, luma_chroma

DEGREE = 4
ROUNDS = 12
DARK, BRIGHT = 12.0, 250.0
"""Grid cells outside of this say nothing about the light: too dark for a ratio, or clipped by the sensor."""
SPREAD = 0.03
"""Smallest scale of the residuals (log units) that counts as an outlier's: about 3 % of light."""
LIMIT = 4.0
FEWEST = 0.2


def polynomials(degree: int, size: int) -> NDArray[np.float64]:
    """Products of Legendre polynomials up to a total degree on [-1, 1]^2, [size * size, terms]."""
    x = (2 * np.arange(size) + 1) / size - 1
    each = np.polynomial.legendre.legvander(x, degree)
    pairs = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    return np.stack([np.outer(each[:, i], each[:, j]).ravel() for i, j in pairs], axis=1)


def light_ratio(luma: Float, reference_GG: Float) -> Float:
    """By what factor an image's light differs from the train set's, at each cell of the grid.

    log(luma / reference) is fitted by a polynomial of degree ``DEGREE`` with Tukey's biweight (iteratively reweighted
    least squares), so that an object in another place, or a defect, has no say: light is what most of the frame agrees
    on. Cells that are too dark or clipped are left out; with fewer than ``FEWEST`` of the cells left, or where most of
    them disagree, the ratio is 1.

    Args:
        luma: float32 [H, W], 0..255.
        reference_GG: the train images' median luma on the grid.

    Returns:
        float32 [GRID, GRID] in [1 / LIMIT, LIMIT].
    """
    found = coarse(luma).ravel().astype(np.float64)
    wanted = reference_GG.ravel().astype(np.float64)
    valid = (found > DARK) & (found < BRIGHT) & (wanted > DARK) & (wanted < BRIGHT)
    if valid.mean() < FEWEST:
        return np.ones((GRID, GRID), np.float32)
    basis = polynomials(DEGREE, GRID)
    target, rows = np.log(found[valid] / wanted[valid]), basis[valid]
    fitted = np.full(len(target), np.median(target))
    weight = np.ones(len(target))
    terms = np.zeros(basis.shape[1])
    for _ in range(ROUNDS):
        residual = target - fitted
        scale = 4.685 * max(SPREAD, 1.4826 * float(np.median(np.abs(residual))))
        weight = np.clip(1 - (residual / scale) ** 2, 0, None) ** 2
        gram = rows.T @ (rows * weight[:, None]) + 1e-3 * len(rows) * np.diag(_stiffness())
        terms = np.linalg.solve(gram, rows.T @ (weight * target))
        fitted = rows @ terms
    if weight.mean() < FEWEST:
        return np.ones((GRID, GRID), np.float32)
    field = np.exp(np.clip(basis @ terms, -np.log(LIMIT), np.log(LIMIT)))
    return field.reshape(GRID, GRID).astype(np.float32)


def _stiffness() -> NDArray[np.float64]:
    """Ridge weights: none on the constant, more on higher orders, which would otherwise follow an object."""
    return np.array([(i + j) ** 2 / DEGREE**2 for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)], np.float64)


def flatten(image: UInt8, reference_GG: Float) -> UInt8:
    """An image uint8 [H, W, 3] under the train set's light: divided by ``light_ratio``."""
    import cv2

    luma, chroma = luma_chroma(image)
    ratio = light_ratio(luma, reference_GG)
    field = cv2.resize(ratio, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_CUBIC)
    return joined(luma / field, chroma / field[:, :, None])
