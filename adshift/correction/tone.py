"""Contrast and colour standardisation: an image's luma and chroma brought to the train set's range."""

from __future__ import annotations

import numpy as np

from adshift.data.images import UInt8
from adshift.correction.luminance import Float, joined, luma_chroma

LEVELS = np.linspace(0.02, 0.98, 25)
"""Quantiles of luma that are matched; a defect smaller than 2 % of the image moves none of the outer ones far."""
GAIN = (0.4, 2.5)
GREY = 1.0
"""Root mean square chroma (grey levels) below which a train set is grey: there colour can only be noise."""


def luma_quantiles(image: UInt8) -> Float:
    """The luma at ``LEVELS``, float32 [levels]."""
    return np.quantile(luma_chroma(image)[0], LEVELS).astype(np.float32)


def chroma_strength(image: UInt8) -> float:
    """Root mean square of the chroma, in grey levels, after a blur that keeps pixel noise out of it."""
    import cv2

    chroma = cv2.GaussianBlur(luma_chroma(image)[1], (0, 0), 2.0)
    return float(np.sqrt(np.mean(np.square(chroma))))


def standardise(image: UInt8, quantile_Q: Float, chroma_rms: float) -> UInt8:
    """An image uint8 [H, W, 3] with the train set's contrast and colour strength.

    Luma (BT.601): the line a + b * luma that carries the image's quantiles closest to the train set's (least squares,
    b in ``GAIN``). A line, not a full histogram match: it cannot make a defect look like the material. Chroma (RGB minus
    luma) is multiplied so that its root mean square is the train set's, within ``GAIN``; that of a grey train set is
    set to 0, and with it the noise that differs between the channels.

    Args:
        image: any image of the category.
        quantile_Q: the train set's mean quantiles at ``LEVELS``.
        chroma_rms: the train set's mean ``chroma_strength``.
    """
    luma, chroma = luma_chroma(image)
    found = np.quantile(luma, LEVELS)
    centred = found - found.mean()
    spread = float(centred @ centred)
    gain = float(centred @ (quantile_Q - quantile_Q.mean())) / spread if spread > 0 else 1.0
    gain = float(np.clip(gain, *GAIN))
    luma = (luma - np.float32(found.mean())) * np.float32(gain) + np.float32(quantile_Q.mean())
    if chroma_rms < GREY:
        return joined(luma, np.zeros_like(chroma))
    strength = chroma_strength(image)
    factor = float(np.clip(chroma_rms / strength, *GAIN)) if strength > 0 else 1.0
    return joined(luma, chroma * np.float32(factor))
