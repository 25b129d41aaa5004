"""Approximate search: true distances, a recall that is what brute force says it is, and its place in result.json."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.images import tiny_overrides
from helpers.inprocess import invoke, run_cell
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.methods.search.approximate import APPROXIMATE, ApproximateSearch, Effort

LOW = Effort(ivf_probes=1, hnsw_links=2, hnsw_width=1)
HIGH = Effort(ivf_probes=1000, hnsw_links=32, hnsw_width=512)


def _rows(count: int, dim: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 + torch.randn(count, dim, generator=generator) * torch.arange(1, dim + 1).float().pow(-0.5)


def _brute_force(bank: Tensor, query: Tensor, k: int) -> tuple[np.ndarray, np.ndarray]:
    distances = np.linalg.norm(query.double().numpy()[:, None] - bank.double().numpy()[None], axis=2)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, axis=1), order


@pytest.mark.parametrize("backend", APPROXIMATE)
def test_enough_effort_finds_the_true_neighbours(backend: str) -> None:
    bank, query = _rows(2000, 32, 1), _rows(100, 32, 2)
    distances, indices = ApproximateSearch(bank, backend, HIGH).search(query, 9)
    expected, order = _brute_force(bank, query, 9)
    assert (indices.numpy() == order).mean() > 0.999
    np.testing.assert_allclose(distances.numpy(), expected, rtol=1e-4)
    assert distances.dtype == torch.float32
    assert indices.dtype == torch.int64


@pytest.mark.parametrize("backend", APPROXIMATE)
def test_the_recall_that_is_reported_is_the_one_that_brute_force_measures(backend: str) -> None:
    bank, query = _rows(2000, 32, 1), _rows(200, 32, 2)
    search = ApproximateSearch(bank, backend, LOW)
    distances, indices = search.search(query, 5)
    expected, order = _brute_force(bank, query, 5)
    hits = [len(set(mine) & set(true)) for mine, true in zip(indices.tolist(), order.tolist(), strict=True)]
    nearest = [true[0] in mine for mine, true in zip(indices.tolist(), order.tolist(), strict=True)]
    report = search.report(query, 5)
    assert 0.1 < report["recall"] < 0.95
    assert report["recall"] == pytest.approx(sum(hits) / 1000, abs=1e-3)
    assert report["recall_nearest"] == pytest.approx(np.mean(nearest), abs=1e-3)
    assert report["distance_excess"] == pytest.approx((distances[:, 0].numpy() / expected[:, 0] - 1).mean(), abs=1e-5)
    assert report["distance_excess"] > 0


@pytest.mark.parametrize("backend", APPROXIMATE)
def test_distances_are_those_of_the_rows_returned(backend: str) -> None:
    bank, query = _rows(1500, 24, 1), _rows(80, 24, 2)
    distances, indices = ApproximateSearch(bank, backend, LOW).search(query, 4)
    true = (bank[indices].double() - query[:, None].double()).norm(dim=2)
    np.testing.assert_allclose(distances.numpy(), true.numpy(), rtol=1e-5)
    assert (distances.diff(dim=1) >= 0).all()


@pytest.mark.parametrize("backend", APPROXIMATE)
@pytest.mark.parametrize("size", [1, 6, 90])
def test_a_query_that_meets_too_few_vectors_is_searched_exactly(backend: str, size: int) -> None:
    bank = torch.cat([_rows(size // 2, 8, 1), 50 + _rows(size - size // 2, 8, 2)])
    query = _rows(20, 8, 3)
    _, indices = ApproximateSearch(bank, backend, LOW).search(query, 60)
    assert indices.shape == (20, min(60, size))
    assert (indices >= 0).all()
    if size == 90:  # one cell of two, or a walk of one candidate, cannot hold 60
        np.testing.assert_array_equal(indices.numpy(), _brute_force(bank, query, 60)[1])


@pytest.mark.parametrize("backend", APPROXIMATE)
def test_a_run_reports_its_recall(tiny: Path, tmp_path: Path, backend: str) -> None:
    overrides = [*tiny_overrides(tiny), "image_size=128", "coreset_ratio=1.0"]
    exact = run_cell(tmp_path / "exact", *overrides)
    assert exact["search"] == {"backend": "auto", "exact": True}
    few = ["method.ivf_probes=1", "method.hnsw_width=2", "method.hnsw_links=2"]
    result = run_cell(tmp_path / "few", *overrides, f"method.search={backend}", *few)
    many = run_cell(tmp_path / "many", *overrides, f"method.search={backend}")
    assert result["search"]["backend"] == backend
    assert result["search"]["exact"] is False
    assert 0 < result["search"]["recall"] < many["search"]["recall"] <= 1
    assert result["search"]["queries"] % 256 == 0
    assert many["metrics"]["macro"]["image_auroc"] == pytest.approx(exact["metrics"]["macro"]["image_auroc"], abs=0.02)


def test_unusable_settings_are_refused(tiny: Path, tmp_path: Path) -> None:
    for option in ("ivf_lists=-1", "ivf_probes=0", "hnsw_links=1", "hnsw_width=0"):
        done = invoke("train.py", *tiny_overrides(tiny), f"method.{option}", f"hydra.run.dir={tmp_path}")
        assert done.code == 2
        assert f"method.{option} must be >=" in done.err
    with pytest.raises(AdshiftError, match="must be one of: ivf, hnsw"):
        ApproximateSearch(_rows(10, 4, 1), "flat", Effort())
    with pytest.raises(AdshiftError, match="fit first"):
        ApproximateSearch(torch.empty(0, 4), "ivf", Effort())
    with pytest.raises(AdshiftError, match=r"\[Q, 4\]"):
        ApproximateSearch(_rows(10, 4, 1), "ivf", Effort()).search(torch.zeros(1, 5), 1)
