"""Scores that are no numbers: distances beyond what a float32 holds, of a bank or features that are far too large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.methods.method import Scores

OVERFLOW = "the distances overflow; check the backbone's weights, or fit the run again"


def finite(scores: Scores) -> NDArray[np.bool_]:
    """Whether an image's score and its whole map are finite, bool [B]; others decide nothing and go into no figure."""
    found: Tensor = scores.image_score_B.isfinite() & scores.anomaly_map_BHW.isfinite().all(dim=-1).all(dim=-1)
    return np.asarray(found.cpu().numpy(), np.bool_)


def all_finite(scores: Scores) -> Scores:
    """The same scores.

    Raises:
        AdshiftError: an image's score or map is not finite.
    """
    if not finite(scores).all():
        values = scores.image_score_B.tolist()
        bad = int(np.argmin(finite(scores)))
        raise AdshiftError(f"an image has the score {values[bad]} and a map that must be finite: {OVERFLOW}")
    return scores
