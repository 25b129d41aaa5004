"""Holm's correction against values worked by hand."""

from __future__ import annotations

import pytest

from adshift.metrics.multiple import holm


@pytest.mark.parametrize(
    ("plain", "corrected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),  # 3 x .01, 2 x .03, and .04 may not fall below the one before
        ([0.01, 0.02, 0.03, 0.005], [0.03, 0.04, 0.04, 0.02]),
        ([0.02, 0.02], [0.04, 0.04]),
        ([0.9, 0.8], [1.0, 1.0]),
        ([0.2], [0.2]),
        ([], []),
    ],
)
def test_holms_correction_is_that_of_the_paper(plain: list[float], corrected: list[float]) -> None:
    assert holm(plain) == pytest.approx(corrected)
