"""Illumination flattening: divide an image by the smooth field that its light differs from the train set's by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adshift.correction.luminance import GRID, Float, coarse, joined, luma_chroma
from adshift.correction.spread import Spread
from adshift.shift.pixels import UInt8

DEGREE = 4
ROUNDS = 12
DARK, BRIGHT = 12.0, 250.0
"""Grid cells outside of this say nothing about the light: too dark for a ratio, or clipped by the sensor."""
LEAST_SCALE = 0.03
"""Residuals (log units) below about 3 % of light are never an outlier's."""
LIMIT = 4.0
FEWEST = 0.2
FLOOR = 0.01
"""Smallest width of the train set's spread of a polynomial's coefficient: 1 % of light."""


def polynomials(degree: int, size: int) -> NDArray[np.float64]:
    """Products of Legendre polynomials up to a total degree on [-1, 1]^2, [size * size, terms]; the first is 1."""
    x = (2 * np.arange(size) + 1) / size - 1
    each = np.polynomial.legendre.legvander(x, degree)
    return np.stack([np.outer(each[:, i], each[:, j]).ravel() for i, j in _orders(degree)], axis=1)


def _orders(degree: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]


def light_terms(coarse_GG: Float, reference_GG: Float) -> NDArray[np.float64] | None:
    """The polynomial that log(light / the train set's light) is, [terms]; None where the image does not say.

    Fitted with Tukey's biweight by iteratively reweighted least squares, so that an object in another place, or a defect,
    has no say: light is what most of the frame agrees on. Too dark and clipped cells are left out; None with fewer than
    ``FEWEST`` of the cells left, or where most of them disagree with the fit.

    Args:
        coarse_GG: the image's luma on the grid, 0..255.
        reference_GG: the train images' median of it.
    """
    found, wanted = coarse_GG.ravel().astype(np.float64), reference_GG.ravel().astype(np.float64)
    valid = (found > DARK) & (found < BRIGHT) & (wanted > DARK) & (wanted < BRIGHT)
    if valid.mean() < FEWEST:
        return None
    rows = polynomials(DEGREE, GRID)[valid]
    target = np.log(found[valid] / wanted[valid])
    stiffness = np.diag([1e-3 * len(rows) * (i + j) ** 2 / DEGREE**2 for i, j in _orders(DEGREE)])
    fitted, weight = np.full(len(target), np.median(target)), np.ones(len(target))
    terms = np.zeros(rows.shape[1])
    for _ in range(ROUNDS):
        residual = target - fitted
        scale = 4.685 * max(LEAST_SCALE, 1.4826 * float(np.median(np.abs(residual))))
        weight = np.clip(1 - (residual / scale) ** 2, 0, None) ** 2
        terms = np.linalg.solve(rows.T @ (rows * weight[:, None]) + stiffness, rows.T @ (weight * target))
        fitted = rows @ terms
    return terms if weight.mean() >= FEWEST else None


def train_terms(coarse_NGG: Float, reference_GG: Float) -> Spread:
    """The spread of the train images' own terms about their common light."""
    found = [light_terms(each, reference_GG) for each in coarse_NGG]
    terms = len(_orders(DEGREE))
    return Spread.of([t for t in found if t is not None] or [np.zeros(terms)], np.full(terms, FLOOR))


def flatten(image: UInt8, reference_GG: Float, spread: Spread) -> UInt8:
    """An image uint8 [H, W, 3] under the train set's light.

    Luma and chroma are divided by exp(polynomial), the polynomial of ``light_terms`` less the train set's own spread,
    within [1 / LIMIT, LIMIT]. An image whose light is as usual is returned unchanged.
    """
    import cv2

    luma, chroma = luma_chroma(image)
    terms = light_terms(coarse(luma), reference_GG)
    excess = np.zeros(1) if terms is None else spread.excess(terms)
    if not excess.any():
        return image
    log_field = np.clip(polynomials(DEGREE, GRID) @ excess, -np.log(LIMIT), np.log(LIMIT))
    small = np.exp(log_field).reshape(GRID, GRID).astype(np.float32)
    field = cv2.resize(small, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
    return joined(luma / field, chroma / field[:, :, None])
