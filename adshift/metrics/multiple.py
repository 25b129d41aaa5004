"""P-values of several comparisons together."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the given order: each in [0, 1], none below its own p-value.

    Those below a level hold a false one with at most that probability, whatever the comparisons have to do with each other.
    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6, 1979.

    Examples:
        >>> holm([0.25, 0.125])
        [0.25, 0.25]
    """
    order = np.argsort(p_values)
    stepped = [min(1.0, (len(p_values) - rank) * p_values[i]) for rank, i in enumerate(order)]
    corrected = np.empty(len(p_values))
    corrected[order] = np.maximum.accumulate(stepped) if stepped else []
    return [float(p) for p in corrected]
