"""Crossed thresholds and foreign matches, against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from adshift.calibration.calibration import Calibration
from adshift.calibration.thresholds import Thresholds
from adshift.data.samples import Sample
from adshift.stages.scored import ScoredImages
from adshift.stages.unified import cross_threshold, false_alarms, foreign_matches


def scored(rows: list[tuple[str, str, float]], nearest: np.ndarray | None = None) -> ScoredImages:
    samples = tuple(Sample(f"{c}/{d}/{i}.png", c, d) for i, (c, d, _) in enumerate(rows))
    blank = [np.zeros((2, 2), np.float32)] * len(rows)
    masks: list[np.ndarray | None] = [np.zeros((2, 2), np.uint8)] * len(rows)
    return ScoredImages(samples, np.array([s for *_, s in rows]), blank, masks, nearest)


def thresholds(**values: float) -> Thresholds:
    return Thresholds({name: Calibration("quantile", {}, value, 10, 0.05) for name, value in values.items()}, {})


def test_false_alarms_counts_a_score_equal_to_the_threshold_and_its_interval_is_exact() -> None:
    found = false_alarms(np.array([1.0, 2.0, 3.0, 4.0]), 3.0)
    expected = binomtest(2, 4).proportion_ci(0.95, method="exact")
    assert (found["rate"], found["n"]) == (0.5, 4)
    assert found["ci"] == pytest.approx([expected.low, expected.high], abs=1e-9)
    assert false_alarms(np.array([]), 3.0) == {"rate": None, "n": 0, "ci": None}


def test_cross_threshold_judges_the_rows_normals_by_the_columns_threshold() -> None:
    images = scored(
        [("a", "good", 1.0), ("a", "good", 5.0), ("a", "hole", 99.0), ("b", "good", 2.0), ("b", "good", 3.0)]
    )
    matrix = cross_threshold(images, thresholds(a=4.0, b=2.5), ["a", "b"])
    rates = {row: {column: cell["rate"] for column, cell in cells.items()} for row, cells in matrix.items()}
    assert rates == {"a": {"a": 0.5, "b": 0.5}, "b": {"a": 0.0, "b": 0.5}}
    assert matrix["a"]["b"]["n"] == 2  # the anomalous image does not count


def test_foreign_matches_follow_the_train_image_of_the_nearest_neighbour() -> None:
    train = [Sample(f"{c}/train/good/{i}.png", c, "good") for i, c in enumerate(["a", "a", "b"])]
    nearest = np.array([[0, 1, 2, 2], [0, 0, 1, 1], [2, 2, 2, 0]])
    images = scored([("a", "good", 1.0), ("a", "hole", 2.0), ("b", "good", 3.0)], nearest)
    found = foreign_matches(images, train, ["a", "b"])
    assert found is not None
    assert found["a"] == {
        "share": 0.25, "share_normal": 0.5, "share_anomalous": 0.0, "from": {"a": 0.75, "b": 0.25},
    }  # fmt: skip
    assert found["b"]["share"] == 0.25
    assert found["b"]["share_anomalous"] is None
    assert foreign_matches(scored([("a", "good", 1.0)]), train, ["a", "b"]) is None
