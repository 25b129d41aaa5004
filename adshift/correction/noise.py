"""Noise-adaptive smoothing: estimate an image's noise, and smooth it down to the train set's, never further."""

from __future__ import annotations

import numpy as np

from adshift.data.images import UInt8
from adshift.correction.luminance import Float, luma_chroma

STRENGTH = 1.0
MARGIN = 1.1
"""Noise up to this multiple of the train set's is left alone: the estimate varies by a few percent from image to image."""


def noise_sigma(luma: Float) -> float:
    """Standard deviation of additive white noise in grey levels (Immerkaer, "Fast Noise Variance Estimation", 1996).

    The mean absolute response to a mask that is blind to planes, times sqrt(pi / 2) / 6. Fine texture adds to it, which is
    why it is compared with the train set's and not with 0.

    Args:
        luma: float32 [H, W], at least 3 x 3.
    """
    import cv2

    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = cv2.filter2D(luma, cv2.CV_32F, mask)[1:-1, 1:-1]
    return float(np.sqrt(np.pi / 2) / 6 * np.abs(response).mean())


def denoise(image: UInt8, train_sigma: float) -> UInt8:
    """An image uint8 [H, W, 3] whose noise is brought down to the train set's.

    Non-local means (Buades et al., 2005) with the estimated noise as its strength, mixed with the image itself so that the
    share train_sigma / sigma of the noise stays. An image with no more noise than the train set is returned unchanged.

    Args:
        image: any image of the category.
        train_sigma: median ``noise_sigma`` of the train images.
    """
    import cv2

    luma, _ = luma_chroma(image)
    sigma = noise_sigma(luma)
    if sigma <= MARGIN * train_sigma:
        return image
    share = 1 - train_sigma / sigma
    grey = bool((image == image[:, :, :1]).all())
    strength = STRENGTH * float(np.sqrt(sigma**2 - train_sigma**2))
    if grey:
        smooth = cv2.fastNlMeansDenoising(image[:, :, 0].copy(), None, strength, 5, 13)[:, :, None]
    else:
        smooth = cv2.fastNlMeansDenoisingColored(image, None, strength, strength, 5, 13)
    mixed = image + np.float32(share) * (smooth.astype(np.float32) - image)
    return np.asarray(np.rint(np.clip(mixed, 0, 255)), np.uint8)
