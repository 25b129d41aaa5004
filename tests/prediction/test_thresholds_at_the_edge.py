"""Thresholds that no score could reach are refused before the work; pictures stand for every one that is left."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.repo import REPO

from adshift.errors import AdshiftError
from adshift.prediction.pictures import GREYS, MapScale
from adshift.results.read import read_calibration

RUN = REPO / "tests" / "programs" / "old_runs" / "bank"


@pytest.mark.parametrize("part", ["image", "pixel"])
@pytest.mark.parametrize("value", [1e308, -1e308, 3.5e38])
def test_a_run_with_a_threshold_that_no_score_reaches_is_refused(part: str, value: float, tmp_path: Path) -> None:
    shutil.copy(RUN / "calibration.json", tmp_path)
    path = tmp_path / "calibration.json"
    held = json.loads(path.read_text())
    held[part]["plate"]["threshold"] = value
    path.write_text(json.dumps(held))
    with pytest.raises(AdshiftError, match=r"the threshold .* of plate must be within \+-3.4e\+38; calibrate anew"):
        read_calibration(tmp_path)


@pytest.mark.parametrize("threshold", [None, 0.0, -1.0, 5e-324, 1e-45, 1e-36, 1.0, 1e38, 3.4e38])
def test_the_colours_and_grey_levels_of_maps_are_numbers(threshold: float | None) -> None:
    maps = np.linspace(0.5, 2.0, 12, dtype=np.float32).reshape(3, 4)
    scale = MapScale.of(threshold, maps)
    assert math.isfinite(scale.low)
    assert scale.low < scale.high < math.inf
    with np.errstate(all="raise"):
        greys = np.rint(maps / np.float32(scale.unit))
        colours = (maps - np.float32(scale.low)) / np.float32(scale.high - scale.low)
    assert np.isfinite(greys).all()
    assert np.isfinite(colours).all()
    if threshold == 1.0:
        assert scale == MapScale(0.5, 1.5, 4 / GREYS)
