"""Scores in groups: pictures of one series are alike, so that each group counts as one, whatever it holds.

A promise over groups is about the next picture of a *new* group, where groups are exchangeable and so are the pictures in
each. Every picture of a group of n has the mass 1/n; with a group an image this is the usual count.

Sources: Dunn, Wasserman, Ramdas, Distribution-Free Prediction Sets for Two-Layer Hierarchical Models, JASA 2023 (the
setting, and one picture a group); Lee, Barber, Willett, Distribution-free inference with hierarchical data, 2023 (every
picture with the mass 1/n of its group, with the same finite-sample bound).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from adshift.calibration.scores import kth_largest, normal_scores
from adshift.errors import AdshiftError


@dataclass(frozen=True)
class Normals:
    """The scores of good pictures (float64 [N]) and the group of each (int64 [N], 0 to K - 1).

    ``group_N`` is None where each is a group of its own: nothing needs to be weighed then.
    """

    score_N: np.ndarray
    group_N: np.ndarray | None

    @property
    def count(self) -> int:
        """K, the number of groups."""
        return self.score_N.size if self.group_N is None else int(self.group_N.max()) + 1

    @property
    def told(self) -> str:
        """``40 normals``, or ``8 groups of 40 normals``."""
        normals = f"{self.score_N.size} normals"
        return normals if self.group_N is None else f"{self.count} groups of {normals}"

    @property
    def mass_N(self) -> np.ndarray:
        """What each counts for, float64 [N]: 1 over the size of its group."""
        if self.group_N is None:
            return np.ones(self.score_N.size)
        return np.asarray(1.0 / np.bincount(self.group_N)[self.group_N])

    def parameters(self) -> dict[str, float | int | str]:
        """What a calibration says of its groups: their number, where there are any."""
        return {} if self.group_N is None else {"groups": self.count}

    def first_beyond(self, allowed: Fraction) -> float:
        """The largest score s for which the scores at least as high have a mass above ``allowed``; exact.

        ``allowed`` lies in [0, K), as the mass of all scores is K.
        """
        if self.group_N is None:
            return kth_largest(self.score_N, int(allowed) + 1)
        size_K = np.bincount(self.group_N)
        mass, falling = Fraction(0), np.argsort(-self.score_N, kind="stable")
        for i in falling:
            mass += Fraction(1, int(size_K[self.group_N[i]]))
            if mass > allowed:
                break
        return float(self.score_N[i])

    def one_a_group(self, seed: int = 0) -> np.ndarray:
        """The score of one picture a group, drawn by ``seed``: float64 [K]; all where each is a group of its own."""
        if self.group_N is None:
            return self.score_N
        shuffled = np.random.default_rng(seed).permutation(self.score_N.size)
        _, first_K = np.unique(self.group_N[shuffled], return_index=True)
        return np.asarray(self.score_N[np.sort(shuffled[first_K])])


def normals_in_groups(scores_N: np.ndarray, labels_N: np.ndarray, groups_N: np.ndarray | None) -> Normals:
    """The scores with label 0, and their groups.

    Args:
        scores_N, labels_N: as `adshift.calibration.scores.checked_scores` asks for.
        groups_N: N whole numbers, equal within a group; None for groups of one.

    Raises:
        AdshiftError: groups of another shape, and what `checked_scores` refuses.
    """
    normal = normal_scores(scores_N, labels_N)
    if groups_N is None:
        return Normals(normal, None)
    groups, labels = np.asarray(groups_N), np.asarray(labels_N)
    if groups.shape != labels.shape:
        raise AdshiftError(
            f"groups of shape {groups.shape} do not fit {labels.size} scores; give one whole number a score"
        )
    found, number_N = np.unique(groups[labels == 0], return_inverse=True)
    return Normals(normal, None if found.size == normal.size else number_N.astype(np.int64))
