"""What is drawn is the same on every machine; what is computed is the same whatever the batch size, up to rounding."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from helpers.draws import draws
from helpers.images import tiny_overrides
from helpers.inprocess import run_cell
from helpers.repo import REPO

RTOL = 1e-4
"""Of a score: sums in another order, in float32."""


def test_every_draw_is_the_one_that_was_written_down() -> None:
    """Another line here is other figures for everyone: meant, it is written down anew, and told in the commit."""
    assert draws() == (REPO / "tests/promises/draws.txt").read_text(encoding="utf-8").splitlines()


def scores(folder: Path) -> dict[tuple[str, str], float]:
    with (folder / "scores.csv").open(newline="") as handle:
        return {(row["role"], row["path"]): float(row["score"]) for row in csv.DictReader(handle)}


@pytest.mark.parametrize("method", ["patchcore", "padim"])
def test_the_batch_size_changes_scores_by_rounding_alone(tiny: Path, tmp_path: Path, method: str) -> None:
    common = [o for o in tiny_overrides(tiny) if method == "patchcore" or not o.startswith("coreset_ratio")]
    found = {}
    for batch_size in (1, 5, 32):
        folder = tmp_path / str(batch_size)
        run_cell(folder, *common, "domain=shift", f"method={method}", f"data.batch_size={batch_size}")
        found[batch_size] = scores(folder)
    assert len(found[32]) > 10
    for batch_size in (1, 5):
        assert found[batch_size].keys() == found[32].keys()
        ours, whole = (np.array([found[b][key] for key in found[32]]) for b in (batch_size, 32))
        np.testing.assert_allclose(ours, whole, rtol=RTOL)
    aurocs = [
        json.loads((tmp_path / str(b) / "result.json").read_text())["metrics"]["macro"]["image_auroc"]
        for b in (1, 5, 32)
    ]
    np.testing.assert_allclose(aurocs, aurocs[-1], atol=0.02)  # one pair of images that rounding may turn
