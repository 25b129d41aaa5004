"""Scores that are no numbers."""

from __future__ import annotations

import pytest
import torch

from adshift.errors import AdshiftError
from adshift.methods.finite import all_finite, finite
from adshift.methods.method import Scores


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("place", ["score", "map"])
def test_a_batch_with_a_score_or_map_that_is_no_number_is_refused(place: str, value: float) -> None:
    scores = Scores(torch.ones(3), torch.ones(3, 4, 4))
    assert all_finite(scores) is scores
    (scores.image_score_B if place == "score" else scores.anomaly_map_BHW[:, 2, 1])[1] = value
    assert finite(scores).tolist() == [True, False, True]
    said = value if place == "score" else 1.0
    with pytest.raises(AdshiftError, match=f"an image has the score {said} and a map that must be finite"):
        all_finite(scores)
