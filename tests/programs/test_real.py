"""The main job on real images: MVTec AD's screw, whole, at the size and with the split of the published tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.inprocess import run_cell

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_patchcore_on_screw_reaches_the_reference(shared: Path, resnet18: str, tmp_path: Path) -> None:
    """anomalib 2.7 on the same weights: 91.9, 98.4, 93.2 percent."""
    result = run_cell(
        tmp_path, "method=patchcore", "coreset_ratio=0.01", "data=screw", f"data.root={shared / 'data' / 'mvtec'}",
        "split=official", "backbone=resnet18", f"backbone.weights={resnet18}", "metrics.bootstrap=0",
        "metrics.latency=false",
    )  # fmt: skip
    figures = result["metrics"]["macro"]
    assert figures["image_auroc"] >= 0.91
    assert figures["pixel_auroc"] >= 0.98
    assert figures["pro_030"] >= 0.92
    assert result["counts"]["screw"]["train"] == 320
    assert result["memory"]["bank_vectors"] == int(0.01 * 320 * 28 * 28)
    assert result["provenance"]["weights"].endswith("resnet18_imagenet.safetensors")
