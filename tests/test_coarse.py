"""Coarse squared distances: what they claim about true ones is checked against float64, in both types."""

import numpy as np
import pytest
import torch
from torch import Tensor

from adshift.methods import coarse
from adshift.methods.coarse import CoarseBounds, coarse_rows, coarse_type, padded, within

TYPES = (torch.float32, torch.bfloat16)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _normal(rows: int, dim: int, seed: int) -> Tensor:
    return torch.randn(rows, dim, generator=_generator(seed))


def _many_scales(rows: int, dim: int, seed: int) -> Tensor:
    """Rows from 1e-3 to 1e3 long: one row's rounding is more than another's length."""
    lengths = torch.logspace(-3, 3, rows)[torch.randperm(rows, generator=_generator(seed))]
    return _normal(rows, dim, seed) * lengths[:, None]


def _close(rows: int, dim: int, seed: int) -> Tensor:
    """Rows that bfloat16 cannot tell apart."""
    return _normal(1, dim, 9) + 1e-4 * _normal(rows, dim, seed)


def _zeros(rows: int, dim: int, seed: int) -> Tensor:
    return _normal(rows, dim, seed) * (torch.arange(rows) % 2)[:, None]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("make", [_normal, _many_scales, _close, _zeros])
@pytest.mark.parametrize("dim", [1, 33, 128])
def test_no_claim_about_a_distance_is_wrong(make, dim: int, dtype: torch.dtype) -> None:
    x_XP, y_YP = make(300, dim, 1), make(200, dim, 2)
    true_XY = np.linalg.norm(x_XP.double().numpy()[:, None] - y_YP.double().numpy()[None], axis=2)
    left, other = coarse_rows(x_XP, dtype), coarse_rows(y_YP, dtype)
    bounds = CoarseBounds(dim, dtype, torch.device("cpu"), other.relative_error())
    entries = bounds.product(left, other.right(), torch.empty(padded(300) * 200, dtype=dtype))
    assert entries.shape == (300, 200)
    for column in range(200):
        assert (bounds.at_most(entries[:, column].contiguous(), left) >= true_XY[:, column]).all()
    for quantile in (0, 0.1, 0.9):
        limit = np.quantile(true_XY, quantile, axis=1)
        found = np.zeros(true_XY.shape, bool)
        found[within(entries, bounds.threshold(limit, left))] = True
        assert found[true_XY <= limit[:, None]].all()


@pytest.mark.parametrize("dtype", TYPES)
def test_bounds_are_tight_where_rows_are_no_longer_than_their_distance(dtype: torch.dtype) -> None:
    x_XP, y_YP = _normal(400, 128, 1), _normal(300, 128, 2)
    left, other = coarse_rows(x_XP, dtype), coarse_rows(y_YP, dtype)
    bounds = CoarseBounds(128, dtype, torch.device("cpu"), other.relative_error())
    entries = bounds.product(left, other.right(), torch.empty(padded(400) * 300, dtype=dtype))
    true_XY = torch.cdist(x_XP.double(), y_YP.double()).numpy()
    excess = bounds.at_most(entries[:, 7].contiguous(), left) / true_XY[:, 7] - 1
    assert excess.max() < (0.02 if dtype == torch.bfloat16 else 1e-3)
    limit = np.median(true_XY, axis=1)
    row, column = within(entries, bounds.threshold(limit, left))
    assert (true_XY[row, column] / limit[row]).max() < (1.02 if dtype == torch.bfloat16 else 1.001)


def test_rows_and_columns_come_in_order() -> None:
    entries = torch.tensor([[5, -3, 2], [9, 9, 9], [0, 7, -32768]], dtype=torch.int16)
    row, column = within(entries, torch.tensor([2, 8, 0], dtype=torch.int16))
    assert row.tolist() == [0, 0, 2, 2]
    assert column.tolist() == [1, 2, 0, 2]


def test_half_precision_is_for_cpus_that_are_fast_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for faster, chosen in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(coarse, "_half_is_faster", lambda faster=faster: faster)
        assert coarse_type(torch.device("cpu")) == chosen
        assert coarse_type(torch.device("cuda")) == torch.float32
