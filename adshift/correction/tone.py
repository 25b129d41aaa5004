"""Contrast and colour standardisation: an image's luma and chroma brought to the train set's range."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adshift.correction.luminance import Float, joined, luma_chroma
from adshift.correction.spread import Spread
from adshift.shift.pixels import UInt8

LEVELS = np.linspace(0.02, 0.98, 25)
"""Quantiles of luma that are matched; a defect smaller than 2 % of the image moves none of the outer ones far."""
LIMIT = 2.5
GREY = 1.0
"""Root mean square chroma (grey levels) below which a train set is grey: there colour can only be noise."""
FLOORS = (0.01, 1.0, 0.02)
"""Smallest widths of the train set's spread: log gain, grey levels, log chroma ratio."""


def luma_quantiles(luma: Float) -> NDArray[np.float64]:
    """The luma at ``LEVELS``."""
    return np.asarray(np.quantile(luma, LEVELS), np.float64)


def chroma_strength(chroma: Float) -> float:
    """Root mean square of the chroma in grey levels, after a blur of sigma 2 px that keeps pixel noise out of it."""
    import cv2

    return float(np.sqrt(np.mean(np.square(cv2.GaussianBlur(chroma, (0, 0), 2.0)))))


def tone_terms(quantile_Q: NDArray[np.float64], strength: float, wanted_Q: Float, wanted: float) -> NDArray[np.float64]:
    """Three numbers: log gain, offset in grey levels at the mean quantile, and log chroma ratio.

    The gain is the slope of the line that carries the image's quantiles closest to the wanted ones (least squares).
    """
    centred, target = quantile_Q - quantile_Q.mean(), wanted_Q - wanted_Q.mean()
    square, product = float(centred @ centred), float(centred @ target)
    gain = product / square if square > 0 and product > 0 else 1.0
    ratio = wanted / strength if wanted >= GREY and strength > 0 else 1.0
    return np.array([np.log(gain), float(wanted_Q.mean() - quantile_Q.mean()), np.log(ratio)])


def standardise(image: UInt8, wanted_Q: Float, wanted: float, spread: Spread) -> UInt8:
    """An image uint8 [H, W, 3] with the train set's contrast, brightness and colour strength.

    Luma (BT.601) goes through a line, not a full histogram match: it cannot make a defect look like the material. Chroma
    (RGB minus luma) is multiplied. Each by what ``tone_terms`` exceeds the train set's own spread by, gains within
    [1 / LIMIT, LIMIT]. The chroma of a grey train set is set to 0, and with it the noise that differs between channels.

    Args:
        image: any image of the category.
        wanted_Q: the train set's mean quantiles.
        wanted: its mean ``chroma_strength``.
        spread: of the train images' ``tone_terms``.
    """
    luma, chroma = luma_chroma(image)
    quantile_Q = luma_quantiles(luma)
    log_gain, offset, log_ratio = spread.excess(tone_terms(quantile_Q, chroma_strength(chroma), wanted_Q, wanted))
    colour = float(np.clip(np.exp(log_ratio), 1 / LIMIT, LIMIT)) if wanted >= GREY else 0.0
    if (log_gain, offset) == (0, 0) and (colour == 1 or np.abs(chroma).max() < 0.5):
        return image
    gain, centre = float(np.clip(np.exp(log_gain), 1 / LIMIT, LIMIT)), quantile_Q.mean()
    return joined(((luma - centre) * gain + centre + offset).astype(np.float32), chroma * np.float32(colour))
