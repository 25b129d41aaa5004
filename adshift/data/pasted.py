"""Defects that are drawn into good images: for a stress test where there is no real one. They are labelled as pasted.

What a detector finds of them says how it holds up when the light changes, not how many real defects it will find.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adshift.errors import AdshiftError
from adshift.shift.parameters import image_generator

UInt8 = NDArray[np.uint8]
Blend = tuple[NDArray[np.float32], NDArray[np.float32]]
"""What is laid over an image, [H, W, 3] in 0..255, and how opaque it is, [H, W] in [0, 1]."""

PREFIX = "pasted "
MIN_OPACITY = 0.25
"""From here on a pixel counts as defect."""
MIN_CHANGE = 12.0
"""Mean change inside the mask, in grey levels, under which another place is drawn: a patch of the same surface is none."""
TRIES = 12


@dataclass(frozen=True, order=True)
class Pasted:
    """A defect to be drawn into a good image.

    Attributes:
        kind: one of ``KINDS``.
        size: its extent as a fraction of the image's shorter side, in (0, 0.5].
        seed: with kind, category and path it seeds the generator.
    """

    kind: str
    size: float = 0.12
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise AdshiftError(f"defects={self.kind} must be among: {', '.join(KINDS)}")
        if not 0 < self.size <= 0.5:
            raise AdshiftError(f"defect_size={self.size} must be in (0, 0.5], a fraction of the image's shorter side")

    @property
    def defect(self) -> str:
        """What results call it; the word says that it is not real."""
        return PREFIX + self.kind

    def apply(self, image: UInt8, category: str, path: str) -> tuple[UInt8, UInt8]:
        """The image at ``path`` with the defect, uint8 [H, W, 3], and its mask, uint8 [H, W] in {0, 1}."""
        return paste(image, self.kind, self.size, image_generator(self.seed, f"{category}/{self.defect}", path))


def paste(image: UInt8, kind: str, size: float, generator: np.random.Generator) -> tuple[UInt8, UInt8]:
    """Draw a defect at a random place, grey into a grey image.

    Up to ``TRIES`` times, until it changes the image by ``MIN_CHANGE`` in the mean; else the largest change is taken.

    Args:
        image: uint8 [H, W, 3].
        kind: one of ``KINDS``.
        size: the defect's extent as a fraction of the shorter side.
        generator: gives the same defect in the same state.

    Returns:
        The image with the defect, uint8 [H, W, 3]; its mask, uint8 [H, W] in {0, 1}, never empty.
    """
    best: tuple[float, UInt8, UInt8] | None = None
    grey = bool((image == image[:, :, :1]).all())
    for _ in range(TRIES):
        layer, opacity = KINDS[kind](image, max(3.0, size * min(image.shape[:2])), generator)
        if grey:
            layer = np.repeat(layer.mean(axis=2, keepdims=True), 3, axis=2)
        mixed = image + (layer - image) * opacity[:, :, None]
        drawn = np.asarray(np.rint(np.clip(mixed, 0, 255)), np.uint8)
        mask = np.asarray(opacity >= min(MIN_OPACITY, float(opacity.max())), np.uint8)
        change = float(np.abs(drawn.astype(np.float32) - image)[mask.astype(bool)].mean())
        if best is None or change > best[0]:
            best = (change, drawn, mask)
        if change >= MIN_CHANGE:
            break
    assert best is not None
    return best[1], best[2]


def _place(image: UInt8, extent: float, generator: np.random.Generator) -> tuple[float, float]:
    """A centre (x, y) that leaves ``extent`` / 2 to the borders where the image is large enough."""
    x, y = (
        generator.uniform(min(extent / 2, side / 2), max(side - extent / 2, side / 2)) for side in image.shape[1::-1]
    )
    return float(x), float(y)


def _flat(image: UInt8, colour: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.broadcast_to(colour.astype(np.float32), image.shape)


def _soft(opacity: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    import cv2

    return np.asarray(cv2.GaussianBlur(opacity, (0, 0), sigma), np.float32)


def scratch(image: UInt8, extent: float, generator: np.random.Generator) -> Blend:
    """A thin bent line of twice the extent, some pixels of 256 wide, lighter or darker than what it crosses."""
    import cv2

    x, y = _place(image, 2 * extent, generator)
    angle = generator.uniform(0, 2 * np.pi)
    steps = 12
    angles = angle + np.cumsum(generator.normal(0, 0.15, steps))
    walk = np.cumsum(np.stack([np.cos(angles), np.sin(angles)], axis=1), axis=0) * (2 * extent / steps)
    points = walk - walk.mean(axis=0) + (x, y)
    opacity = np.zeros(image.shape[:2], np.float32)
    width = max(1, round(min(image.shape[:2]) * generator.uniform(0.006, 0.012)))
    strength = float(generator.uniform(0.6, 0.9))
    cv2.polylines(opacity, [np.rint(points).astype(np.int32)], False, strength, width, cv2.LINE_AA)
    level = image.mean() + generator.choice([-1, 1]) * generator.uniform(60, 110)
    return _flat(image, np.full(3, level)), opacity


def _blob(image: UInt8, extent: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """An ellipse of about the extent with a ragged edge: 1 inside, 0 outside, [H, W]."""
    x, y = _place(image, extent, generator)
    height, width = image.shape[:2]
    turn, ratio = generator.uniform(0, np.pi), generator.uniform(0.5, 1.0)
    bumps = generator.normal(0, [0.18, 0.12, 0.08], 3)
    phases = generator.uniform(0, 2 * np.pi, 3)
    left, top = (max(0, int(centre - extent)) for centre in (x, y))
    dy, dx = np.mgrid[top : min(height, int(y + extent) + 1), left : min(width, int(x + extent) + 1)].astype(np.float32)
    dx, dy = dx - x, dy - y
    along, across = dx * np.cos(turn) + dy * np.sin(turn), (dy * np.cos(turn) - dx * np.sin(turn)) / ratio
    around = np.arctan2(across, along)
    edge = 1 + sum(b * np.cos((k + 2) * around + p) for k, (b, p) in enumerate(zip(bumps, phases, strict=True)))
    inside = np.zeros((height, width), np.float32)
    inside[top : top + len(dx), left : left + dx.shape[1]] = np.hypot(along, across) <= edge * extent / 2
    return inside


def stain(image: UInt8, extent: float, generator: np.random.Generator) -> Blend:
    """A ragged translucent blot with a soft edge that darkens and tints what lies under it."""
    tint = generator.uniform(0.25, 0.7) * np.array([1.0, generator.uniform(0.8, 1.0), generator.uniform(0.6, 0.9)])
    opacity = _soft(_blob(image, extent, generator), max(0.8, extent / 16)) * np.float32(generator.uniform(0.6, 0.95))
    return np.asarray(image * tint, np.float32), opacity


def spot(image: UInt8, extent: float, generator: np.random.Generator) -> Blend:
    """A bright round spot of half the extent with a soft edge: a glint, a grain."""
    opacity = _soft(_blob(image, extent / 2, generator), max(0.8, extent / 16)) * np.float32(
        generator.uniform(0.6, 0.95)
    )
    return _flat(image, generator.uniform(215, 255, 3)), opacity


def missing(image: UInt8, extent: float, generator: np.random.Generator) -> Blend:
    """A ragged piece that is gone: filled with the median colour of the image's border."""
    n = max(1, round(0.03 * min(image.shape[:2])))
    rim = [part.reshape(-1, 3) for part in (image[:n], image[-n:], image[:, :n], image[:, -n:])]
    return _flat(image, np.median(np.concatenate(rim), axis=0)), _soft(_blob(image, extent, generator), 0.7)


def patch(image: UInt8, extent: float, generator: np.random.Generator) -> Blend:
    """A rectangle from elsewhere in the image, pasted with a hard edge (CutPaste: Li et al., CVPR 2021).

    Its area is that of a square of the extent, its sides' ratio in [0.3, 3.3] as in the paper, whose areas are larger (2
    to 15 % of the image).
    """
    height, width = image.shape[:2]
    root = float(np.sqrt(np.exp(generator.uniform(np.log(0.3), np.log(3.3)))))
    w, h = (int(np.clip(round(side), 2, limit)) for side, limit in ((extent * root, width), (extent / root, height)))
    sx, tx = generator.integers(0, width - w + 1, 2).tolist()
    sy, ty = generator.integers(0, height - h + 1, 2).tolist()
    layer, opacity = image.astype(np.float32), np.zeros((height, width), np.float32)
    layer[ty : ty + h, tx : tx + w] = image[sy : sy + h, sx : sx + w]
    opacity[ty : ty + h, tx : tx + w] = 1.0
    return layer, opacity


KINDS: dict[str, Callable[[UInt8, float, np.random.Generator], Blend]] = {
    "scratch": scratch, "stain": stain, "patch": patch, "spot": spot, "missing": missing,
}  # fmt: skip
