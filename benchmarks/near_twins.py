"""Where the doctor's limit for near twins lies: how alike different parts are, and how alike copies of one image.

``python benchmarks/near_twins.py ROOT [--categories NAME ...]`` prints, for each category, the most similar pair of
different images and the lowest similarity of each kind of copy to its original.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from adshift.data.check.twins import SIMILARITY, fingerprint
from adshift.data.images import read_image
from adshift.data.samples import index_category

COPIED = 24
"""Originals of a category that are copied."""


def jpeg(quality: int) -> Callable[[Image.Image], Image.Image]:
    def copy(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer, formats=["JPEG"]).convert("RGB")

    return copy


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 90": jpeg(90),
    "JPEG 75": jpeg(75),
    "JPEG 50": jpeg(50),
    "brightness x 1.2": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "brightness x 0.8": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "contrast x 1.2": lambda image: ImageEnhance.Contrast(image).enhance(1.2),
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS),
    "one pixel aside": lambda image: Image.fromarray(np.roll(np.asarray(image), 1, axis=1)),
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--categories", nargs="+")
    chosen = parser.parse_args()
    print(f"limit {SIMILARITY}")
    for category in chosen.categories or sorted(p.name for p in chosen.root.iterdir() if p.is_dir()):
        measure(chosen.root, category)


def measure(root: Path, category: str) -> None:
    """Print one category's figures."""
    index = index_category(root, category)
    samples = (*index.train_good, *index.test_good, *index.test_anomalous)
    images = [read_image(root / sample.path) for sample in samples]
    prints = [fingerprint(image) for image in images]
    matrix_ND = np.stack([p for p in prints if p is not None])
    pairs = np.sort((matrix_ND @ matrix_ND.T)[np.triu_indices(len(matrix_ND), 1)])[::-1]
    print(f"{category}: {len(samples)} images; most alike pairs {' '.join(f'{s:.3f}' for s in pairs[:4])}")
    chosen = range(0, len(images), max(1, len(images) // COPIED))
    for name, copy in COPIES.items():
        lowest = 1.0
        for i in chosen:
            one, other = prints[i], fingerprint(np.asarray(copy(Image.fromarray(images[i]))))
            if one is not None and other is not None:
                lowest = min(lowest, float(one @ other))
        print(f"  {name}: at least {lowest:.3f}")


if __name__ == "__main__":
    main()
