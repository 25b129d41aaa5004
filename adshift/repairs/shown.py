"""What a few pictures show of some repairs, and of none: paired over their folds, the customary one where in doubt.

Legend: C = repairs, N = good pictures, J = pasted defects a picture, F = folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adshift.metrics.resampling import Difference

Array = NDArray[np.float64]
FEWEST_FOLDS = 3
"""With two, a spread over folds has one degree of freedom, and nothing is shown."""
AS_GOOD = 0.01
"""One point of AUROC: no repair is as good as one that gains less."""
LEVEL = 0.8
"""Of a comparison's interval. What takes the customary repair's place has to be shown with all folds and without each of
them, which chance seldom brings about (tests/repairs/test_shown.py)."""


@dataclass(frozen=True)
class Shown:
    """What was found of one repair.

    Attributes:
        auroc: P(a copy with a pasted defect scores above a good picture), ties one half.
        gain: against the first repair.
    """

    auroc: float
    gain: Difference


def auroc_without(score_NJ: Array, fold_N: NDArray[np.int64]) -> tuple[float, Array]:
    """The AUROC of the pasted copies against all good pictures, and that without each fold, [F].

    Args:
        score_NJ: [N, 1 + J]: of the good picture, then of its copies with a defect.
        fold_N: 0 to F - 1, F >= 2.
    """
    good_N, bad_NJ = score_NJ[:, 0], score_NJ[:, 1:]
    above_NN = ((bad_NJ[:, None] > good_N[None, :, None]) + 0.5 * (bad_NJ[:, None] == good_N[None, :, None])).mean(-1)
    in_FN = (fold_N == np.unique(fold_N)[:, None]).astype(float)
    pairs_FF = in_FN @ above_NN @ in_FN.T
    size_F = in_FN.sum(1)
    left_F = pairs_FF.sum() - pairs_FF.sum(0) - pairs_FF.sum(1) + pairs_FF.diagonal()
    return float(above_NN.mean()), left_F / (len(fold_N) - size_F) ** 2


def paired(a_NJ: Array, b_NJ: Array, fold_N: NDArray[np.int64]) -> Difference:
    """AUROC of a - b on the same pictures, with the jackknife's interval over folds, at ``LEVEL``.

    A difference of AUROCs is one of U-statistics, whose pseudo-values F d - (F - 1) d_without are about independent:
    Student's t with F - 1 degrees of freedom (Arvesen, Jackknifing U-statistics, Annals of Mathematical Statistics 1969;
    for pictures in clusters Obuchowski, Biometrics 1997). Unlike a bootstrap of eight pictures it is not too narrow.

    Args:
        a_NJ, b_NJ: as ``auroc_without`` has them.
        fold_N: as there; with fewer than ``FEWEST_FOLDS`` there is no interval.
    """
    from scipy.stats import t

    (a, a_F), (b, b_F) = auroc_without(a_NJ, fold_N), auroc_without(b_NJ, fold_N)
    folds = len(a_F)
    if folds < FEWEST_FOLDS:
        return Difference(a - b, None, None)
    pseudo_F = folds * (a - b) - (folds - 1) * (a_F - b_F)
    error = float(pseudo_F.std(ddof=1) / folds**0.5)
    if error == 0:
        return Difference(a - b, (a - b, a - b), 1.0 if a == b else 0.0)
    reach = float(t.ppf(0.5 + LEVEL / 2, folds - 1)) * error
    return Difference(a - b, (a - b - reach, a - b + reach), 2 * float(t.sf(abs(a - b) / error, folds - 1)))


def to_take(score_CNJ: Sequence[Array], fold_N: NDArray[np.int64]) -> int:
    """The place of the repair to take.

    Args:
        score_CNJ: of the customary repair, which is taken unless something is shown; of no repair, which is taken where it
            is shown to lose less than ``AS_GOOD``; of others, each taken where it is shown to be better than what was taken
            so far.
        fold_N: as ``auroc_without`` has it.
    """
    customary, nothing, *others = score_CNJ
    gain = paired(customary, nothing, fold_N).interval
    taken = int(gain is not None and gain[1] < AS_GOOD)
    for place, one in enumerate(others, 2):
        if paired(one, score_CNJ[taken], fold_N).above:
            taken = place
    return taken


def shown(score_CNJ: Sequence[Array], fold_N: NDArray[np.int64]) -> tuple[Shown, ...]:
    """Each repair against the first."""
    return tuple(Shown(auroc_without(one, fold_N)[0], paired(one, score_CNJ[0], fold_N)) for one in score_CNJ)
