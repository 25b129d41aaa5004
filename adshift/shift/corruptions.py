"""Four corruptions of ImageNet-C, as the benchmark defines them, on uint8 images.

Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", ICLR 2019; the
constants are those of the reference implementation (github.com/hendrycks/robustness, ``imagenet_c/corruptions.py``), and
as there the result is truncated, not rounded, to whole grey levels. They were chosen for images of 224 x 224 pixels: a
blur of 3 px or noise of 0.08 means another thing on 1024 px that are averaged down afterwards. So an image is first
brought to ``SIDE`` x ``SIDE``, with the program's own resize; at ``image_size=224`` that is what the backbone sees.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]
Unit = NDArray[np.float64]
SIDE = 224
BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Added to the value of HSV."""
CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)
"""Factor on the distance from each channel's mean."""
DEFOCUS = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))
"""Radius of the disk in pixels, and the sigma that its rim is blurred with."""
NOISE = (0.08, 0.12, 0.18, 0.26, 0.38)
"""Standard deviation, as a share of the value range."""
CORRUPTIONS = ("brightness", "contrast", "defocus_blur", "gaussian_noise")
LEVELS = 5


def brighten(image: UInt8, amount: float) -> Unit:
    """Raise the value of HSV, at most to 1; hue and saturation stay. Returns float64 in [0, 1]."""
    unit = image / 255.0
    value = unit.max(axis=2, keepdims=True)
    raised = np.minimum(value + amount, 1.0)
    black = value == 0  # no hue and no saturation: it turns grey
    scaled: Unit = np.where(black, raised, unit * (raised / np.where(black, 1.0, value)))
    return scaled


def lower_contrast(image: UInt8, factor: float) -> Unit:
    """Pull each channel towards its mean. Returns float64 in [0, 1]."""
    unit = image / 255.0
    mean = unit.mean(axis=(0, 1), keepdims=True)
    pulled: Unit = np.clip((unit - mean) * factor + mean, 0.0, 1.0)
    return pulled


def disk(radius: int, rim_sigma: float) -> NDArray[np.float32]:
    """The defocus kernel: a disk on a grid of side max(17, 2 radius + 1), its rim blurred over 3 (5) pixels.

    Where the disk fills the grid the blur reflects it, and the kernel sums to 1.01: so does the benchmark's.
    """
    import cv2

    half, window = (8, 3) if radius <= 8 else (radius, 5)
    steps = np.arange(-half, half + 1)
    inside = (steps[:, None] ** 2 + steps[None, :] ** 2 <= radius**2).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(inside / inside.sum(), (window, window), rim_sigma), np.float32)


def defocus(image: UInt8, radius: int, rim_sigma: float) -> Unit:
    """Blur with a disk; the border is reflected. Returns float64 in [0, 1]."""
    import cv2

    blurred: Unit = np.clip(cv2.filter2D(image / 255.0, -1, disk(radius, rim_sigma)), 0.0, 1.0)
    return blurred


def noisy(image: UInt8, sigma: float, seed: int) -> Unit:
    """Add Gaussian noise, independent in each pixel and channel. Returns float64 in [0, 1]."""
    generator = np.random.Generator(np.random.PCG64(seed))
    summed: Unit = np.clip(image / 255.0 + generator.normal(scale=sigma, size=image.shape), 0.0, 1.0)
    return summed


def corrupt(image: UInt8, kind: str, level: int, seed: int) -> UInt8:
    """One of ``CORRUPTIONS`` at a severity.

    Args:
        image: uint8 [H, W, 3], of any size.
        kind: which corruption.
        level: 1 to 5.
        seed: of the noise; the others are deterministic.

    Returns:
        uint8 [SIDE, SIDE, 3].
    """
    from adshift.shift.pixels import resize_image

    small, row = resize_image(image, SIDE), level - 1
    if kind == "brightness":
        unit = brighten(small, BRIGHTNESS[row])
    elif kind == "contrast":
        unit = lower_contrast(small, CONTRAST[row])
    elif kind == "defocus_blur":
        unit = defocus(small, *DEFOCUS[row])
    else:
        unit = noisy(small, NOISE[row], seed)
    return np.asarray(unit * 255, np.uint8)
