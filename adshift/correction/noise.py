"""Noise-adaptive smoothing: estimate an image's noise, and smooth it down to the train set's, never further."""

from __future__ import annotations

import numpy as np

from adshift.correction.luminance import Float, luma_chroma
from adshift.correction.spread import Spread
from adshift.shift.pixels import UInt8

FLOOR = 0.05
"""Smallest width of the train set's spread of log(sigma)."""
LEAST = 0.25
"""Noise below the rounding of 8 bits (0.29 grey levels) is none; it also keeps the logarithm finite."""


def noise_sigma(luma: Float) -> float:
    """Standard deviation of additive white noise in grey levels (Immerkaer, "Fast Noise Variance Estimation", 1996).

    The mean absolute response to a mask that is blind to planes, times sqrt(pi / 2) / 6. Fine texture adds to it, which is
    why it is compared with the train set's and not with 0. At least ``LEAST``.

    Args:
        luma: float32 [H, W], at least 3 x 3.
    """
    import cv2

    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = cv2.filter2D(luma, cv2.CV_32F, mask)[1:-1, 1:-1]
    return max(LEAST, float(np.sqrt(np.pi / 2) / 6 * np.abs(response).mean()))


def denoise(image: UInt8, log_sigma: Spread) -> UInt8:
    """An image uint8 [H, W, 3] whose noise is brought down to the train set's.

    Non-local means (Buades et al., 2005) with the excess noise as its strength, mixed with the image itself so that the
    train set's share of the noise stays. An image as noisy as a train image may be is returned unchanged.

    Args:
        image: any image of the category.
        log_sigma: of log ``noise_sigma`` over the train images.
    """
    import cv2

    sigma, usual = noise_sigma(luma_chroma(image)[0]), float(np.exp(log_sigma.middle[0]))
    if log_sigma.usual([np.log(sigma)]) or sigma <= usual:
        return image
    strength = float(np.sqrt(sigma**2 - usual**2))
    if (image == image[:, :, :1]).all():
        smooth = cv2.fastNlMeansDenoising(np.ascontiguousarray(image[:, :, 0]), None, strength, 5, 13)[:, :, None]
    else:
        smooth = cv2.fastNlMeansDenoisingColored(image, None, strength, strength, 5, 13)
    mixed = image + np.float32(1 - usual / sigma) * (smooth.astype(np.float32) - image)
    return np.asarray(np.rint(np.clip(mixed, 0, 255)), np.uint8)
