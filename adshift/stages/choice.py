"""How a few pictures extend a fitted model: in the customary way, unless they show another, or none, to be better.

Each way is judged on the pictures and on copies of them with a pasted defect, all of a fold by models that were extended by
the other folds. It is chosen once with all folds and once without each of them, by models without pairs of folds; where
these choices are not all the same, the customary way is taken. So the scores that a threshold is made of are each under a
way that was chosen without that picture, or that was not chosen; all of them, and the model, have one scale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adshift.adaptation.extension import Extension
from adshift.adaptation.few_images import FewImages, drawn_places
from adshift.methods.alignment import Alignment
from adshift.methods.method import Method
from adshift.repairs.shown import FEWEST_FOLDS, Shown, shown, to_take

MOST_FOLDS = 8
"""Models without pairs of folds grow with their square."""
FEWEST_SERIES = FEWEST_FOLDS + 1
"""So that there are enough without each of them."""
MOST_IMAGES = 32
"""That are looked at for the choice; all of them repair."""
Aligned = Callable[[Extension, Sequence[int]], Alignment | None]


Candidate = Extension | None
"""None: the model as it was fitted."""


@dataclass(frozen=True)
class Choice:
    """What was chosen, and what it rests on.

    Attributes:
        taken: what becomes of the model.
        tried: the customary way, the model as it was fitted, then the other ways.
        found: of each of them; empty where the pictures were too few to show anything.
        without: the places in ``tried`` that were chosen without each of the folds.
        everything: the place that was chosen with all of them.
    """

    taken: Candidate
    tried: tuple[Candidate, ...]
    found: tuple[Shown, ...] = ()
    without: tuple[int, ...] = ()
    everything: int = 0


def candidates(ways: Sequence[Extension]) -> tuple[Candidate, ...]:
    """What is tried, of some ways whose first is the customary one."""
    return (ways[0], None, *ways[1:])


def chosen(
    method: Method,
    ways: Sequence[Extension],
    seen: Callable[[int], Tensor],
    pasted: Callable[[], Tensor],
    group_N: NDArray[np.int64],
    few: FewImages,
    aligned: Aligned,
    size: tuple[int, int],
) -> Choice:
    """``choose`` by at most ``MOST_IMAGES`` of the pictures; the customary way where they are too few to show anything.

    Args:
        method, ways, aligned, size: as ``choose`` has them.
        seen, pasted, group_N: as of ``adshift.stages.repair.Pictures``.
        few: its seed draws the pictures.
    """
    places = sorted(drawn_places(range(len(group_N)), group_N, replace(few, k=MOST_IMAGES)))
    fold_N = folds_of(group_N[places])
    if int(fold_N.max()) + 1 < FEWEST_SERIES:
        return Choice(ways[0], candidates(ways))
    views_VNhwD = seen(max(way.copies for way in ways))[:, places]

    def among(way: Extension, keep: Sequence[int]) -> Alignment | None:
        return aligned(way, [places[i] for i in keep])

    return choose(method, ways, views_VNhwD, pasted()[:, places], fold_N, among, size)


def folds_of(group_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fold of each picture: series take turns, so that none is divided; at most ``MOST_FOLDS``."""
    return np.asarray(np.unique(group_N, return_inverse=True)[1] % MOST_FOLDS, np.int64)


@torch.inference_mode()
def choose(
    method: Method,
    ways: Sequence[Extension],
    views_VNhwD: Tensor,
    pasted_JNhwD: Tensor,
    fold_N: NDArray[np.int64],
    aligned: Aligned,
    size: tuple[int, int],
) -> Choice:
    """Choose.

    Args:
        method: fitted; it stays as it is.
        ways: the customary one first.
        views_VNhwD: embeddings of the pictures, then those of their copies in simulated domains.
        pasted_JNhwD: embeddings of the pictures with a pasted defect.
        fold_N: of each, 0 to F - 1, F >= ``FEWEST_SERIES``.
        aligned: the alignment of a way by the pictures at some places.
        size: of the maps.
    """
    folds, count = int(fold_N.max()) + 1, len(fold_N)
    query_QhwD = torch.cat([views_VNhwD[:1], pasted_JNhwD]).flatten(0, 1)
    queries = [[int(j) for j in np.flatnonzero(np.tile(fold_N, len(pasted_JNhwD) + 1) == f)] for f in range(folds)]
    old_Q = torch.cat([method.score(part, size).image_score_B for part in query_QhwD.split(8)])
    rehearsal = method.rehearsal(query_QhwD, size)

    def table(score_Q: NDArray[np.float64]) -> NDArray[np.float64]:
        return score_Q.reshape(-1, count).T

    tried = candidates(ways)
    every: list[NDArray[np.float64]] = []
    score_CFQ: list[NDArray[np.float64]] = []
    for way in tried:
        if way is None:
            every.append(old_Q.double().cpu().numpy())
            score_CFQ.append(np.tile(every[-1], (folds, 1)))
            continue
        condensed = [method.condensed(views_VNhwD[: 1 + way.copies, i], way.ratio) for i in range(count)]
        parts = [[condensed[int(i)] for i in np.flatnonzero(fold_N == f)] for f in range(folds)]
        scores = rehearsal.extended(parts, way.weight, way.keep)

        def without(*left_out: int) -> tuple[list[int], Alignment | None]:
            kept = [f for f in range(folds) if f not in left_out]
            return kept, aligned(way, [int(i) for i in np.flatnonzero(np.isin(fold_N, kept))])  # noqa: B023

        own_Q, pairs_FQ = np.empty(len(query_QhwD)), np.full((folds, len(query_QhwD)), np.nan)
        for f in range(folds):
            own_Q[queries[f]] = scores(queries[f], *without(f)).double().cpu().numpy()
            for g in range(f):
                found = scores([*queries[f], *queries[g]], *without(f, g)).double().cpu().numpy()
                pairs_FQ[g, queries[f]], pairs_FQ[f, queries[g]] = np.split(found, [len(queries[f])])
        every.append(own_Q)
        score_CFQ.append(pairs_FQ)
    tables = [table(score_Q) for score_Q in every]
    everything = to_take(tables, fold_N)
    rests = [fold_N != f for f in range(folds)]
    without_F = tuple(
        to_take([table(pairs_FQ[f])[rest] for pairs_FQ in score_CFQ], fold_N[rest]) for f, rest in enumerate(rests)
    )
    taken = everything if set(without_F) == {everything} else 0
    return Choice(tried[taken], tried, shown(tables, fold_N), without_F, everything)
