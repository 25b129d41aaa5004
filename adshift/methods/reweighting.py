"""PatchCore's score of a patch from the distances to its nearest bank vectors."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def reweighted_scores(distance_Qk: Tensor) -> Tensor:
    """Patch scores from the distances to the k nearest neighbours, after Roth et al., CVPR 2022, section 3.3.

    docs/protocol.md says where it differs from theirs.

    s(q) = d_1 * (1 - exp(-d_1) / sum_i exp(-d_i)). With a single neighbour the weight would be 0 for every patch; there
    it is 1 by definition.

    Args:
        distance_Qk: ascending L2 distances (not squared), k >= 1.

    Returns:
        [Q].
    """
    nearest = distance_Qk[:, 0]
    if distance_Qk.shape[1] == 1:
        return nearest.clone()
    return nearest * (1.0 - functional.softmax(-distance_Qk, dim=1)[:, 0])
