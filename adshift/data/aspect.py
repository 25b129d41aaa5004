"""Long images: a model sees every image as a square, so that these are squashed. Said, as it costs detection."""

from __future__ import annotations

SQUASHED = 2.0
"""From this aspect on it is told."""
SQUASHED_REMEDY = "cut such images into square tiles, before the fit and on the line"


def aspect(height: int, width: int) -> float:
    """The longer side over the shorter."""
    return max(height, width) / min(height, width)


def is_squashed(height: int, width: int) -> bool:
    """Whether an image is so long that it is told."""
    return aspect(height, width) >= SQUASHED


def squashed(count: int, height: int, width: int) -> str:
    """What is told of ``count`` images, as the rest of a sentence; the longest is ``width`` x ``height``.

    >>> squashed(3, 160, 640)
    'has 3 of 2:1 or longer (640 x 160): as squares they lose detail along it, where maps are 4.0 times as coarse'
    """
    size, ratio = f"{width} x {height}", aspect(height, width)
    return (
        f"has {count} of {SQUASHED:g}:1 or longer ({size}): as squares they lose detail along it, where maps are "
        f"{ratio:.1f} times as coarse"
    )
