"""Hashes of some shifted pictures and their masks, as text: what promises/pictures.txt holds.

The pictures are drawn in whole numbers, so that they are the same everywhere themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from adshift.data.shifted import named_domain
from adshift.shift.domain import Domain


def noise(height: int, width: int) -> np.ndarray:
    """uint8 [height, width, 3] of independent values: nothing shows a difference of a warp sooner."""
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def plate() -> tuple[np.ndarray, np.ndarray]:
    """A grained plate with a disc and a mark, uint8 [120, 160, 3], and the mark's mask, uint8 [120, 160] of 0 and 1."""
    y, x = np.mgrid[:120, :160]
    grey = 110 + 40 * ((x // 7 + y // 5) % 2) - 60 * ((x - 80) ** 2 + (y - 60) ** 2 < 1600)
    mask = ((x - 60) ** 2 + 2 * (y - 40) ** 2 < 150).astype(np.uint8)
    image = grey[..., None] + noise(120, 160) // 16 + 70 * mask[..., None] * np.array([1, 1, -1])
    return image.astype(np.uint8), mask


def _line(name: str, domain: Domain, image: np.ndarray, mask: np.ndarray, path: str) -> str:
    seen, seen_mask = domain.seen(image, mask, "plate", path)
    assert seen_mask is not None
    hashes = (hashlib.sha256(np.ascontiguousarray(part).tobytes()).hexdigest()[:16] for part in (seen, seen_mask))
    return " ".join([name, path, *hashes])


def pictures() -> list[str]:
    """A line a domain and picture: the hash of the image and that of the mask."""
    image, mask = plate()
    grain = noise(120, 160)
    moved = named_domain("geometric", 1.0, 0)
    lines = []
    for border in ("reflect", "replicate", "background"):
        for resampling in ("bilinear", "lanczos"):
            domain = replace(moved, border=border, resampling=resampling)
            lines.append(_line(f"geometric {border} {resampling}", domain, image, mask, "plate/test/mark/000.png"))
            lines.append(_line(f"geometric {border} {resampling}", domain, grain, mask, "plate/test/mark/001.png"))
    for name in ("photometric", "shift"):
        domain = named_domain(name, 1.0, 0)
        for path in (f"plate/test/mark/{number:03}.png" for number in range(12)):
            p = domain.parameters("plate", path)
            if (
                p.illumination == "none" and p.blur_kernel == 1
            ):  # docs/promises.md says what may differ in light and blur
                lines.append(_line(name, domain, image, mask, path))
    return lines


if __name__ == "__main__":
    print("\n".join(pictures()))
