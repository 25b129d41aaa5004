"""Promises on whole runs: what a threshold promised is kept where the domains agree, broken where they do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.images import draw_category, tiny_overrides
from helpers.inprocess import invoke, run_cell

ALPHA = 0.1


@pytest.fixture(scope="module")
def many_normals(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides of a run with 100 calibration normals and 100 test normals."""
    root = tmp_path_factory.mktemp("many")
    draw_category(root, "plate", train=120, good=100, defective=8, seed=4)
    small = ["split=standard", "split.train_fraction=0.2", "threshold=conformal", f"threshold.alpha={ALPHA}"]
    return [*tiny_overrides(root), *small]


def test_a_conformal_promise_breaks_under_the_shift_and_holds_again_with_a_new_threshold(
    many_normals: list[str], tmp_path: Path
) -> None:
    def alarms(name: str, *overrides: str) -> tuple[float, list[float]]:
        result = run_cell(tmp_path / name, *many_normals, *overrides)
        assert result["threshold"]["plate"]["promised_rate"] == ALPHA
        assert result["threshold"]["plate"]["n"] == 96
        values = result["metrics"]["categories"]["plate"]
        return values["false_alarm_rate"], values["false_alarm_rate_exact_ci"]

    _, clean = alarms("clean", "domain=clean")
    assert clean[0] <= ALPHA
    broken, interval = alarms("none", "domain=photometric", "adaptation=none")
    assert broken > 0.5
    assert interval[0] > ALPHA
    _, mended = alarms("threshold", "domain=photometric", "adaptation=threshold")
    assert mended[0] <= ALPHA


def test_a_category_without_test_anomalies_has_null_rank_figures_and_the_rest_stands(tmp_path: Path) -> None:
    root = tmp_path / "images"
    draw_category(root, "plate", seed=1)
    draw_category(root, "plain", defective=0, seed=2)
    pooled = [o for o in tiny_overrides(root) if not o.startswith(("data=", "data.category="))]
    both = ["data=unified", *pooled, "data.source=folder", "data.categories=[plate,plain]", "split=standard"]
    for kind in ("quantile", "conformal", "evt", "sigma"):
        result = run_cell(tmp_path / kind, *both, f"threshold={kind}")
        plain, plate = (result["metrics"]["categories"][name] for name in ("plain", "plate"))
        for figure in ("image_auroc", "image_ap", "recall", "image_f1", "pixel_auroc", "pro_030"):
            assert plain[figure] is None
            assert plate[figure] is not None
            assert result["metrics"]["macro"][figure] == plate[figure]
        assert plain["false_alarm_rate"] is not None
        assert any(w.startswith("plain: no anomalous test image") for w in result["warnings"])
        assert "NaN" not in json.dumps(result)
    refused = invoke("train.py", *both, "threshold=f1", f"hydra.run.dir={tmp_path / 'f1'}")
    assert refused.code == 2
    assert "threshold=f1 needs anomalous calibration images" in refused.err
