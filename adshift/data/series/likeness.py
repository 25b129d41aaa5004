"""How alike pictures are, in numbers that need no network: distances of thumbnails."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adshift.shift.pixels import UInt8

SIDE = 16
REFERENCES = 200
"""Pictures that each one is compared with, drawn at random."""
RATIO = 0.8
"""Pictures of a series lie nearer than this share of the usual distance. Measured, of neighbours in name order: ball screws
0.61, tiles of a plate 0.69 and 0.52 (two lamps); against MVTec AD's bottle 0.95, screw 1.04 and hazelnut 0.95."""
DEVIATIONS = 4.0
"""Standard deviations by which neighbours must rank before strangers: once in 30,000 sets without series."""
LEAST = 10
"""Fewer pictures tell nothing."""

Thumbnails = NDArray[np.float32]


def thumbnail(image: UInt8) -> Thumbnails:
    """An image uint8 [H, W, 3] as float32 [D], grey levels of 16 x 16 places in three colours."""
    import cv2

    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32).ravel()


def distance(a_ND: Thumbnails, b_ND: Thumbnails) -> NDArray[np.float64]:
    """Root mean square difference of pairs of thumbnails, in grey levels: float64 [N]."""
    return np.asarray(np.sqrt(np.mean((a_ND.astype(np.float64) - b_ND) ** 2, axis=-1)))


@dataclass(frozen=True)
class InARow:
    """How neighbours in name order compare with any two pictures.

    Attributes:
        ratio: their median distance over that of any two; 1 without series.
        deviations: standard deviations by which a picture's neighbour ranks before others.
        near: the distance under which two neighbours are of one series, ``RATIO`` of the usual one.
        next_N: float64 [N - 1], the distance of each picture to the next one.
    """

    ratio: float
    deviations: float
    near: float
    next_N: NDArray[np.float64]

    @property
    def shown(self) -> bool:
        """Whether neighbours are far more alike than others."""
        return self.ratio <= RATIO and self.deviations >= DEVIATIONS


def in_a_row(thumbnail_ND: Thumbnails, seed: int = 0) -> InARow | None:
    """Compare each picture with the next, and with others drawn by ``seed``; None for fewer than ``LEAST`` or equal ones.

    Without series the next picture is as near as any, so that its rank among the others is uniform in [0, 1].

    Args:
        thumbnail_ND: of N pictures in name order.
        seed: of the draw.
    """
    n = len(thumbnail_ND)
    if n < LEAST:
        return None
    next_N = distance(thumbnail_ND[:-1], thumbnail_ND[1:])
    step_NR = np.random.default_rng(seed).integers(1, n, (n - 1, min(REFERENCES, n - 1)))
    other_NR = (np.arange(n - 1)[:, None] + step_NR) % n
    any_NR = np.stack([distance(thumbnail_ND[i], thumbnail_ND[others]) for i, others in enumerate(other_NR)])
    usual = float(np.median(any_NR))
    if usual == 0:
        return None
    rank_N = (any_NR < next_N[:, None]).mean(axis=1) + (any_NR == next_N[:, None]).mean(axis=1) / 2
    deviations = float((0.5 - rank_N.mean()) * math.sqrt(12 * (n - 1)))
    return InARow(float(np.median(next_N)) / usual, deviations, RATIO * usual, next_N)


def alike_within(thumbnail_ND: Thumbnails, group_N: NDArray[np.int64], seed: int = 0) -> float:
    """The median distance of two pictures of one group over that of two of different groups; 1 where there is no such pair.

    Args:
        thumbnail_ND: of N pictures.
        group_N: the group of each.
        seed: of the pairs that are drawn.
    """
    rng, n = np.random.default_rng(seed), len(thumbnail_ND)
    order = np.lexsort((rng.permutation(n), group_N))  # groups together, shuffled within
    a_M, b_M = order[:-1], order[1:]
    within = group_N[a_M] == group_N[b_M]
    c_M, d_M = rng.integers(0, n, (2, 10 * n))
    between = group_N[c_M] != group_N[d_M]
    if not within.any() or not between.any():
        return 1.0
    strangers = float(np.median(distance(thumbnail_ND[c_M[between]], thumbnail_ND[d_M[between]])))
    kin = float(np.median(distance(thumbnail_ND[a_M[within]], thumbnail_ND[b_M[within]])))
    return kin / strangers if strangers else 1.0
