"""Near twins: one scene photographed or saved twice.

An image becomes a thumbnail of 64 x 64, from which everything smoother than two of its pixels is taken away, and whose rest
is set to mean 0 and length 1. Two images are twins where the product of theirs, a correlation, reaches ``SIMILARITY``.
Brightness, contrast, compression and resizing hardly move it; another part of the same kind has other fine details.

The limit lies between what was measured on both sides (docs/promises.md has the figures): the most alike of different
parts reach 0.973, copies (JPEG of quality 75, brightness or contrast by 20 %, half the size) 0.991 and more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from adshift.data.check.duplicates import is_train
from adshift.data.check.problem import Problem, warning
from adshift.data.samples import Sample
from adshift.shift.pixels import UInt8

SIDE = 64
SIGMA = 2.0
SIMILARITY = 0.985
ROWS = 1024
FLAT = 1e-3
"""Standard deviation of a thumbnail's details, in grey levels, under which there is nothing to compare."""

Fingerprint = NDArray[np.float32]


def fingerprint(image: UInt8) -> Fingerprint | None:
    """The details of an image uint8 [H, W, 3] as a unit vector [4096]; None for one without details."""
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    details = small - cv2.GaussianBlur(small, (0, 0), SIGMA)
    details -= details.mean()
    if details.std() < FLAT:
        return None
    return np.asarray(details / np.linalg.norm(details), np.float32).ravel()


def twin_problems(samples: Sequence[Sample], prints: Sequence[Fingerprint | None]) -> list[Problem]:
    """A warning for each sample that has a twin earlier in the list: it names the most similar one.

    Args:
        samples: of one category.
        prints: theirs; None is passed over.
    """
    kept = [i for i, each in enumerate(prints) if each is not None]
    if len(kept) < 2:
        return []
    matrix_ND = np.stack([prints[i] for i in kept])  # type: ignore[misc]
    found = []
    for start in range(0, len(kept), ROWS):
        block_BN = matrix_ND[start : start + ROWS] @ matrix_ND[: start + ROWS].T
        for row, similarity_N in enumerate(block_BN):
            earlier_N = similarity_N[: start + row]
            if len(earlier_N) and earlier_N.max() >= SIMILARITY:
                best = int(earlier_N.argmax())
                found.append(_problem(samples[kept[start + row]], samples[kept[best]], float(earlier_N[best])))
    return found


def _problem(sample: Sample, other: Sample, similarity: float) -> Problem:
    across = "one is trained on, the other tested" if is_train(sample) != is_train(other) else "they count twice"
    what = f"is nearly the same picture as {other.path} (similarity {similarity:.3f}): {across}"
    return warning(sample.path, what, "look at both, and keep one if it is the same part")
