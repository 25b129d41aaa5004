"""Every search backend against brute force in float64, on data that is easy, clustered, duplicated and degenerate."""

import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.methods.distances.pairs import Pairs, pair_products
from adshift.methods.search import neighbours, pruned
from adshift.methods.search.continued import ContinuedSearch, nothing_known
from adshift.methods.search.neighbours import NeighbourSearch
from adshift.methods.search.pruned import PrunedIndex, principal_basis

BACKENDS = ("faiss", "torch", "pruned")


@pytest.fixture(params=[torch.float32, torch.bfloat16, torch.int8], autouse=True, ids=["float32", "bfloat16", "int8"])
def every_precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test with coarse products of every type, whichever this CPU would choose."""
    for module in (pruned, neighbours):
        monkeypatch.setattr(module, "coarse_type", lambda device: request.param)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _spectrum(rows: int, dim: int, seed: int) -> Tensor:
    """Gaussian rows with a falling spectrum, as features have."""
    return torch.randn(rows, dim, generator=_generator(seed)) * torch.arange(1, dim + 1).float().pow(-0.7)


def _isotropic(rows: int, dim: int, seed: int) -> Tensor:
    return torch.randn(rows, dim, generator=_generator(seed))


def _clustered(rows: int, dim: int, seed: int) -> Tensor:
    centres = 30 * torch.randn(9, dim, generator=_generator(99))
    return centres[torch.arange(rows) % 9] + 0.1 * torch.randn(rows, dim, generator=_generator(seed))


def _far_from_origin(rows: int, dim: int, seed: int) -> Tensor:
    return 500 + _spectrum(rows, dim, seed)


def _flat(rows: int, dim: int, seed: int) -> Tensor:
    """Rows that lie in a plane: no residual outside a few directions."""
    return torch.randn(rows, 2, generator=_generator(seed)) @ torch.randn(2, dim, generator=_generator(98))


def _one_outlier(rows: int, dim: int, seed: int) -> Tensor:
    """A row so far away that int8's grid cannot tell the others apart."""
    found = _spectrum(rows, dim, seed)
    found[rows // 2] *= 1e4
    return found


MAKERS = (_one_outlier, _spectrum, _isotropic, _clustered, _far_from_origin, _flat)


def _brute_force(bank: Tensor, query: Tensor, k: int) -> tuple[np.ndarray, np.ndarray]:
    difference = query.double().numpy()[:, None, :] - bank.double().numpy()[None, :, :]
    distances = np.sqrt((difference**2).sum(2))
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, axis=1), order


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("shape", [(700, 40, 9), (2300, 200, 1), (33, 12, 5)])
def test_neighbours_equal_brute_force(make, backend: str, shape: tuple[int, int, int]) -> None:
    size, dim, k = shape
    bank, query = make(size, dim, 1), make(60, dim, 2)
    distances, indices = NeighbourSearch(bank, backend).search(query, k)
    expected, order = _brute_force(bank, query, k)
    np.testing.assert_array_equal(indices.numpy(), order)
    np.testing.assert_allclose(distances.numpy(), expected, rtol=1e-9)
    assert distances.dtype == torch.float64
    assert indices.dtype == torch.int64


@pytest.mark.parametrize("make", MAKERS)
def test_backends_agree_bit_for_bit(make) -> None:
    bank, query = make(3000, 300, 1), make(500, 300, 2)
    results = [NeighbourSearch(bank, backend).search(query, 9) for backend in BACKENDS]
    for distances, indices in results[1:]:
        assert torch.equal(distances, results[0][0])
        assert torch.equal(indices, results[0][1])


def test_faiss_itself_finds_the_same_neighbours() -> None:
    import faiss

    bank, query = _spectrum(9000, 256, 1), _spectrum(700, 256, 2)
    index = faiss.IndexFlatL2(256)
    index.add(bank.numpy())
    squared, expected = index.search(query.numpy(), 9)
    distances, indices = NeighbourSearch(bank, "pruned").search(query, 9)
    assert (indices.numpy() == expected).mean() > 0.999  # faiss rounds in float32: near-ties may swap
    np.testing.assert_allclose(distances.numpy(), np.sqrt(squared), rtol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_vector_of_the_bank_is_at_distance_zero(backend: str) -> None:
    bank = _far_from_origin(500, 64, 1)
    distances, indices = NeighbourSearch(bank, backend).search(bank[:50], 3)
    assert indices[:, 0].tolist() == list(range(50))
    assert (distances[:, 0] == 0).all()
    assert (distances[:, 1] > 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_ties_go_to_the_lowest_row(backend: str) -> None:
    bank = _spectrum(100, 16, 1).repeat(3, 1)
    query = _spectrum(40, 16, 2)
    _, indices = NeighbourSearch(bank, backend).search(query, 6)
    np.testing.assert_array_equal(indices.numpy(), _brute_force(bank, query, 6)[1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_bank_of_equal_vectors(backend: str) -> None:
    distances, indices = NeighbourSearch(torch.full((5, 8), 0.3), backend).search(torch.zeros(2, 8), 5)
    assert indices.tolist() == [[0, 1, 2, 3, 4]] * 2
    np.testing.assert_allclose(distances.numpy(), 0.3 * np.sqrt(8), rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", [1, 4])
def test_k_beyond_the_bank_uses_all_of_it(backend: str, size: int) -> None:
    bank, query = _spectrum(size, 20, 1), _spectrum(7, 20, 2)
    distances, indices = NeighbourSearch(bank, backend).search(query, 9)
    assert distances.shape == indices.shape == (7, size)
    np.testing.assert_array_equal(indices.numpy(), _brute_force(bank, query, size)[1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_queries_are_searched_one_by_one_or_together_alike(backend: str) -> None:
    bank, query = _spectrum(600, 96, 1), _spectrum(30, 96, 2)
    search = NeighbourSearch(bank, backend)
    distances, indices = search.search(query, 4)
    single = [search.search(row[None], 4) for row in query]
    assert torch.equal(indices, torch.cat([found[1] for found in single]))
    assert torch.equal(distances, torch.cat([found[0] for found in single]))
    assert search.search(query[:0], 4)[0].shape == (0, 4)


def _continues(bank: Tensor, query: Tensor, k: int, backend: str, sizes: tuple[int, ...]) -> bool:
    """Whether the search of longer and longer prefixes finds what searches of each, whole, find."""
    known, first = nothing_known(query), 0
    for size in (*sizes, len(bank)):
        known = ContinuedSearch(bank[:size], first, backend).search(query, k, known)
        whole, first = NeighbourSearch(bank[:size], backend).search(query, k), size
        if not all(map(torch.equal, known, whole)):
            return False
    return True


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("make", MAKERS)
def test_a_search_goes_on_from_a_prefix_as_if_it_had_been_one_bit_for_bit(make, backend: str) -> None:
    bank, query = make(900, 40, 1), make(60, 40, 2)
    for sizes in ((), (900,), (1,), (5, 9), (90, 450), (899,)):
        assert _continues(bank, query, 9, backend, sizes), sizes
    assert _continues(bank[:7], query, 9, backend, (3,))  # k beyond the bank
    assert _continues(bank, torch.cat([bank[:20], bank[600:620] + 1e-6]), 3, backend, (9, 300))
    assert _continues(bank, query[:1], 1, backend, (1, 300))
    assert _continues(bank, query[:0], 9, backend, (300,))
    longer, sizes = make(2600, 200, 1), (100, 1300)
    assert _continues(longer, make(300, 200, 2), 9, backend, sizes)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_tie_between_known_and_new_rows_goes_to_the_known(backend: str) -> None:
    bank = _spectrum(100, 16, 1).repeat(3, 1)
    query = torch.cat([_spectrum(40, 16, 2), bank[:30]])
    for sizes in ((50,), (100,), (150, 200), (4, 299)):
        assert _continues(bank, query, 6, backend, sizes)
    assert _continues(
        torch.full((9, 8), 0.3), torch.cat([torch.zeros(2, 8), torch.full((1, 8), 0.3)]), 4, backend, (4, 6)
    )


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("rank", [None, 8])
def test_what_is_beyond_a_given_distance_is_left_out_and_nothing_within(make, rank: int | None) -> None:
    bank, query = make(1200, 64, 1), make(80, 64, 2)
    mean = bank.mean(0)
    index = PrunedIndex(bank - mean, rank)
    true, _ = _brute_force(bank, query, 1200)
    for place in (0, 3, 40):
        within = true[:, place]
        pairs = index.candidates(query - mean, 9, index.workspace(80), within)
        left = set(zip(pairs.row_X.tolist(), pairs.column_X.tolist(), strict=True))
        _, order = _brute_force(bank, query, min(place + 1, 9))
        assert {(row, column) for row in range(80) for column in order[row].tolist()} <= left
    none = index.candidates(query - mean, 9, index.workspace(80), np.full(80, 1e-9))
    if make is _spectrum:  # elsewhere all rows of a cluster may be within the rounding
        assert len(none.row_X) < 80
    distances, rows = NeighbourSearch(bank, "pruned").search(query, 9, torch.full((80,), 1e-9, dtype=torch.float64))
    assert distances.shape == rows.shape == (80, 9)


@pytest.mark.parametrize("rank", [8, 50, 100])
def test_the_bound_never_loses_a_neighbour_and_prunes(rank: int) -> None:
    bank, query = _spectrum(4000, 100, 1), _spectrum(50, 100, 2)
    mean = bank.mean(0)
    index = PrunedIndex(bank - mean, rank)
    pairs = index.candidates(query - mean, 5, index.workspace(50))
    left = set(zip(pairs.row_X.tolist(), pairs.column_X.tolist(), strict=True))
    _, order = _brute_force(bank, query, 5)
    assert {(row, column) for row in range(50) for column in order[row].tolist()} <= left
    assert len(left) < 50 * 10


def test_the_basis_is_orthonormal_and_near_the_principal_one() -> None:
    rows = _spectrum(2000, 120, 1)
    rows = rows - rows.mean(0)
    basis = principal_basis(rows, 20)
    np.testing.assert_allclose((basis.T @ basis).numpy(), np.eye(20), atol=1e-6)
    best = torch.linalg.svdvals(rows)[:20].square().sum()
    assert (rows @ basis).square().sum() > 0.98 * best


def test_products_of_chosen_pairs() -> None:
    left, right = torch.randn(5, 7, generator=_generator(1)), torch.randn(11, 7, generator=_generator(2))
    pairs = Pairs(np.array([0, 0, 2, 4]), np.array([3, 10, 0, 7]), 5)
    expected = [float(left[r] @ right[c]) for r, c in zip(pairs.row_X, pairs.column_X, strict=True)]
    np.testing.assert_allclose(pair_products(left, right, pairs).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_auto_uses_what_measured_fastest_and_torch_where_faiss_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert NeighbourSearch(_spectrum(1024, 256, 1)).backend == "pruned"
    for dtype in (torch.bfloat16, torch.int8):
        monkeypatch.setattr(neighbours, "coarse_type", lambda device, dtype=dtype: dtype)
        assert NeighbourSearch(_spectrum(50, 8, 1)).backend == "pruned"
    monkeypatch.setattr(neighbours, "coarse_type", lambda device: torch.float32)
    assert NeighbourSearch(_spectrum(50, 8, 1)).backend == "faiss"
    monkeypatch.setitem(sys.modules, "faiss", None)
    bank, query = _spectrum(50, 8, 1), _spectrum(10, 8, 2)
    search = NeighbourSearch(bank)
    assert search.backend == "torch"
    np.testing.assert_array_equal(search.search(query, 3)[1].numpy(), _brute_force(bank, query, 3)[1])
    with pytest.raises(AdshiftError, match="'faiss' is not installed"):
        NeighbourSearch(bank, "faiss")


def test_bad_input_is_refused() -> None:
    with pytest.raises(AdshiftError, match=r"shape \(0, 8\)"):
        NeighbourSearch(torch.zeros(0, 8))
    with pytest.raises(AdshiftError, match="backend 'hnsw'"):
        NeighbourSearch(torch.zeros(3, 8), "hnsw")
    with pytest.raises(AdshiftError, match="finite"):
        NeighbourSearch(torch.full((3, 8), float("nan")))
    search = NeighbourSearch(torch.zeros(3, 8))
    with pytest.raises(AdshiftError, match=r"\[Q, 8\]"):
        search.search(torch.zeros(2, 7), 1)
    with pytest.raises(AdshiftError, match="k=0"):
        search.search(torch.zeros(2, 8), 0)
    with pytest.raises(AdshiftError, match="query holds NaN"):
        search.search(torch.full((2, 8), float("inf")), 1)
