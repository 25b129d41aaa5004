"""Coarse squared distances: what they claim about true ones is checked against float64, in every type."""

import numpy as np
import pytest
import torch
from torch import Tensor

from adshift.methods.distances import coarse
from adshift.methods.distances.coarse import CoarseForm, coarse_type, within
from adshift.methods.distances.coarse_bytes import ByteForm
from adshift.methods.distances.coarse_floats import FloatForm
from adshift.methods.distances.huge_pages import Scratch

TYPES = (torch.float32, torch.bfloat16, torch.int8)


def _form(dtype: torch.dtype, right_YP: Tensor) -> CoarseForm:
    if dtype == torch.int8:
        return ByteForm.spanning(right_YP.split(64))
    return FloatForm(right_YP.shape[1], dtype, torch.device("cpu"))


def _entries(form: CoarseForm, x_XP: Tensor, y_YP: Tensor):
    left, right_YK = form.rows(x_XP), form.right(form.rows(y_YP))
    return left, form.product(left, right_YK, Scratch(form.entry_type, torch.device("cpu")))


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


def _far_in_one(rows: int, dim: int, seed: int) -> Tensor:
    """A coordinate that reaches a hundred times as far as the others."""
    return _normal(rows, dim, seed) * torch.where(torch.arange(dim) == dim // 2, 100.0, 1.0)


def _zeros(rows: int, dim: int, seed: int) -> Tensor:
    return _normal(rows, dim, seed) * (torch.arange(rows) % 2)[:, None]


def _nothing(rows: int, dim: int, seed: int) -> Tensor:
    return torch.zeros(rows, dim)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("make", [_normal, _many_scales, _close, _far_in_one, _zeros, _nothing])
@pytest.mark.parametrize("dim", [1, 33, 128])
def test_no_claim_about_a_distance_is_wrong(make, dim: int, dtype: torch.dtype) -> None:
    x_XP, y_YP = make(300, dim, 1), make(200, dim, 2)
    true_XY = np.linalg.norm(x_XP.double().numpy()[:, None] - y_YP.double().numpy()[None], axis=2)
    bounds = _form(dtype, y_YP)
    left, entries = _entries(bounds, x_XP, y_YP)
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
    bounds = _form(dtype, y_YP)
    left, entries = _entries(bounds, x_XP, y_YP)
    true_XY = torch.cdist(x_XP.double(), y_YP.double()).numpy()
    excess = bounds.at_most(entries[:, 7].contiguous(), left) / true_XY[:, 7] - 1
    tight = {torch.float32: 1e-3, torch.bfloat16: 0.02, torch.int8: 0.08}[dtype]
    assert excess.max() < tight
    limit = np.median(true_XY, axis=1)
    row, column = within(entries, bounds.threshold(limit, left))
    assert (true_XY[row, column] / limit[row]).max() < 1 + tight


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("dim", [5, 30, 128, 134])
def test_what_lies_behind_the_last_row_does_not_matter(dim: int, dtype: torch.dtype) -> None:
    """AMX products read the start of the next row along with the end of one: a coreset ended in an error from that."""
    x_XP, y_YP = _normal(39, dim, 1), _normal(728, dim, 2)
    form = _form(dtype, y_YP)
    left, entries = _entries(form, x_XP, y_YP)
    clean = entries.clone()
    assert len(left.left_XK) > 39
    left.left_XK[39:] = 127 if dtype == torch.int8 else torch.nan
    memory = Scratch(form.entry_type, torch.device("cpu"))
    assert torch.equal(form.product(left, form.right(form.rows(y_YP)), memory), clean)


def test_rows_and_columns_come_in_order() -> None:
    entries = torch.tensor([[5, -3, 2], [9, 9, 9], [0, 7, -32768]], dtype=torch.int16)
    row, column = within(entries, torch.tensor([2, 8, 0], dtype=torch.int16))
    assert row.tolist() == [0, 0, 2, 2]
    assert column.tolist() == [1, 2, 0, 2]


def test_a_form_allows_for_every_row_that_was_ever_on_the_right() -> None:
    """Rows that are rounded worse than those before them loosen the claims, also about the earlier ones."""
    fine, rough = _normal(50, 64, 1) / 64, _normal(50, 64, 2)
    for dtype in (torch.bfloat16, torch.int8):
        form = _form(dtype, torch.cat([fine, rough]))
        left, entries = _entries(form, rough, fine)
        before = form.at_most(entries[:, 0].contiguous(), left)
        form.right(form.rows(torch.cat([rough, 3 * rough])))
        assert (form.at_most(entries[:, 0].contiguous(), left) >= before).all()


def test_long_coordinates_are_split_so_that_all_reach_alike() -> None:
    even, one_far = _normal(500, 100, 1), _far_in_one(500, 100, 1)
    plain, split = ByteForm.spanning([even]), ByteForm.spanning([one_far])
    assert split.width <= 120 + 2 + 127 * 120 // 127**2 + 20  # a fifth more coordinates, and the norm's digits
    error = [float((form.rows(x).error_X / x.norm(dim=1)).amax()) for form, x in ((plain, even), (split, one_far))]
    whole = ByteForm(torch.full((100,), float(one_far.abs().amax())), 1e3)
    unsplit = float((whole.rows(one_far).error_X / one_far.norm(dim=1)).amax())
    assert error[0] < 0.02
    assert error[1] < unsplit / 3


def test_a_grid_that_outliers_stretch_is_told_from_a_fine_one() -> None:
    rows = _normal(500, 64, 1)
    assert ByteForm.spanning([rows]).resolves(rows)
    rows[7] *= 1000
    assert not ByteForm.spanning([rows]).resolves(rows)


def test_the_fastest_type_is_chosen_where_it_is_well_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    for seconds, exact, chosen in (
        ((1.0, 1.0, 1.0), True, torch.float32),
        ((1.0, 0.75, 0.75), True, torch.float32),
        ((1.0, 0.5, 0.4), True, torch.bfloat16),
        ((1.0, 0.5, 0.2), True, torch.int8),
        ((1.0, 1.5, 0.2), True, torch.int8),
        ((1.0, 1.5, 0.2), False, torch.float32),
    ):
        laps = dict(zip(TYPES, seconds, strict=True))
        monkeypatch.setattr(coarse, "_product_of", lambda dtype: dtype)
        monkeypatch.setattr(coarse, "_shortest", lambda types, laps=laps: [laps[dtype] for dtype in types])
        monkeypatch.setattr(coarse, "_bytes_are_exact", lambda exact=exact: exact)
        coarse._fastest.cache_clear()
        assert coarse_type(cpu) == chosen
        assert coarse_type(torch.device("cuda")) == torch.float32
    coarse._fastest.cache_clear()


def test_byte_products_that_saturate_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def saturating(left: Tensor, right: Tensor) -> Tensor:
        """Unsigned times signed, pairs added in 16 bits: what AVX2 does without VNNI."""
        left, right = left.long() + 128, right.long()
        pairs = left[:, 0::2, None] * right[None, 0::2] + left[:, 1::2, None] * right[None, 1::2]
        return (pairs.clamp(-(2**15), 2**15 - 1).sum(1) - 128 * right.sum(0)).int()

    def missing(left: Tensor, right: Tensor) -> Tensor:
        raise RuntimeError("not implemented for this processor")

    for product in (saturating, missing):
        monkeypatch.setattr(torch, "_int_mm", product)
        assert not coarse._bytes_are_exact()
    monkeypatch.setattr(torch, "_int_mm", lambda left, right: (left.long() @ right.long()).int())
    assert coarse._bytes_are_exact()
    monkeypatch.delattr(torch, "_int_mm")
    assert not coarse._bytes_are_exact()
