"""The coreset against the plain float64 greedy loop, on data that is easy, clustered, duplicated and degenerate."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.methods.coreset import greedy as coreset_module
from adshift.methods.coreset import lazy_distances, rounded_points
from adshift.methods.coreset.greedy import greedy_coreset
from adshift.methods.coreset.points import Points
from adshift.methods.distances.coarse_bytes import ByteForm
from adshift.methods.distances.projection import gaussian_matrix, projection


@pytest.fixture(params=[torch.float32, torch.bfloat16, torch.int8], autouse=True, ids=["float32", "bfloat16", "int8"])
def every_precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test with coarse products of every type, whichever this CPU would choose."""
    monkeypatch.setattr(rounded_points, "coarse_type", lambda device: request.param)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _plain_greedy(points: np.ndarray, first: int, count: int) -> tuple[list[int], float]:
    """The textbook loop in float64, one centre at a time over all points; picked points are never picked again."""
    points = points.astype(np.float64)
    picks, nearest = [first], np.full(len(points), np.inf)
    free = np.ones(len(points), bool)
    while True:
        nearest = np.minimum(nearest, ((points - points[picks[-1]]) ** 2).sum(1))
        free[picks[-1]] = False
        if len(picks) == count:
            return picks, float(np.sqrt(nearest.max()))
        picks.append(int(np.where(free, nearest, -1.0).argmax()))


def _random(n: int, d: int) -> Tensor:
    return torch.randn(n, d, generator=_generator(1))


def _clustered(n: int, d: int) -> Tensor:
    centres = 20 * torch.randn(12, d, generator=_generator(2))
    return centres[torch.arange(n) % 12] + 0.05 * torch.randn(n, d, generator=_generator(3))


def _duplicated(n: int, d: int) -> Tensor:
    return _random(n // 8, d)[torch.randint(n // 8, (n,), generator=_generator(4))]


def _integers(n: int, d: int) -> Tensor:
    """Squared distances are whole numbers, so ties are everywhere and exact."""
    return torch.randint(0, 3, (n, d), generator=_generator(5)).float()


def _far_from_origin(n: int, d: int) -> Tensor:
    return 1000 + _random(n, d) * torch.linspace(1e-3, 1, n)[:, None]


def _outlier(n: int, d: int) -> Tensor:
    points = 1e-2 * _random(n, d)
    points[n // 3] = 1e3
    return points


@pytest.mark.parametrize("make", [_random, _clustered, _duplicated, _integers, _far_from_origin, _outlier])
def test_picks_equal_the_plain_loop(make) -> None:
    points = make(5000, 64)
    found = greedy_coreset(points, 1000, generator=_generator(), projection_dim=None)
    picks, radius = _plain_greedy(points.numpy(), int(found.indices_M[0]), 1000)
    assert found.indices_M.tolist() == picks
    assert found.radius == pytest.approx(radius, rel=1e-12, abs=0)


@pytest.mark.parametrize("sample", [1, 8, 50, 8192])
@pytest.mark.parametrize(("pool", "head"), [(1, 1), (7, 3), (64, 16)])
def test_picks_do_not_depend_on_the_pool(monkeypatch: pytest.MonkeyPatch, pool: int, head: int, sample: int) -> None:
    points = torch.cat([_duplicated(80, 8), _random(80, 8), _integers(40, 8)])
    whole = greedy_coreset(points, 150, generator=_generator(), projection_dim=None)
    monkeypatch.setattr(coreset_module, "POOL_ROWS", pool)
    monkeypatch.setattr(coreset_module, "HEAD_ROWS", head)
    monkeypatch.setattr(lazy_distances, "SAMPLE_ROWS", sample)
    small = greedy_coreset(points, 150, generator=_generator(), projection_dim=None)
    assert small.indices_M.tolist() == whole.indices_M.tolist()
    assert small.radius == whole.radius


@pytest.mark.parametrize("make", [_random, _clustered, _integers, _duplicated])
def test_a_pool_holds_what_exceeds_its_outside(monkeypatch: pytest.MonkeyPatch, make) -> None:
    """Whether its size is told by a sample or counted out: no point beside it may be farther, or it would be missed."""
    points = make(2000, 8)
    for sample in (1, 40, 300, 8192):
        monkeypatch.setattr(lazy_distances, "SAMPLE_ROWS", sample)
        distances = lazy_distances.LazyDistances(Points([points]), 64)
        distances.start(np.arange(16))
        for count in (1, 50, 900, 1990, 2000):
            rows, outside = distances._pool(count)
            bounds = distances.bounds().squared_N
            beside = np.delete(bounds, rows)
            assert min(count, 1984) / 2 <= len(rows) <= 2 * count
            assert (bounds[rows] >= outside).all()
            assert (bounds[rows] >= 0).all()
            assert beside.max() <= outside


@pytest.mark.parametrize("make", [_random, _clustered, _duplicated])
def test_picks_do_not_depend_on_when_all_bounds_are_refreshed(monkeypatch: pytest.MonkeyPatch, make) -> None:
    points = make(3000, 150)
    found = []
    for limit in (1, 5, 256, 3000):
        monkeypatch.setattr(lazy_distances, "SEEN_BY_ALL", limit)
        found.append(greedy_coreset(points, 300, generator=_generator()))
    assert all(torch.equal(other.indices_M, found[0].indices_M) for other in found)
    assert all(other.radius == found[0].radius for other in found)


@pytest.mark.parametrize("dim", [40, 200])
def test_parts_are_one_embedding(dim: int) -> None:
    """Parts are shorter and longer than a chunk; picks come from all of them, and from the last row."""
    points = _random(9001, dim)
    points[9000] += 30
    whole = greedy_coreset(points, 80, generator=_generator(), projection_dim=64)
    parts = greedy_coreset(points.split([5, 4500, 1, 4494, 1]), 80, generator=_generator(), projection_dim=64)
    assert torch.equal(whole.indices_M, parts.indices_M)
    assert whole.radius == parts.radius
    assert 9000 in whole.indices_M.tolist()


def _scaled(factor: float) -> Tensor:
    """Some points lie `factor` times as far; they are not in a sample of every fourth row, from the first on."""
    points = _random(4000, 48)
    points[1::40] *= factor
    return points


def _long() -> Tensor:
    """Points of one coordinate each, and some, not in the sample, that have them all: no farther in any, but longer."""
    points = torch.eye(48)[torch.arange(4000) % 48]
    points[1::40] = 1.0
    signs = torch.randint(0, 2, points.shape, generator=_generator(6)) * 2 - 1
    return points * signs + 0.02 * _random(4000, 48)


def _cut_off() -> Tensor:
    """Some points, not in the sample, are far in a coordinate that hardly varies, and no longer than the others."""
    points = _random(4000, 48)
    points[:, 0] *= 0.1
    points[1::40] *= 0.1
    points[1::80, 0], points[41::80, 0] = 6.0, -6.0
    return points


@pytest.mark.parametrize(
    ("points", "form"),
    [
        (_scaled(1.2), "sample's"),
        (_scaled(2.0), "all"),
        (_long(), "all"),
        (_cut_off(), "all"),
        (_scaled(1e4), "float32"),
        (_scaled(1e17), "float32"),
    ],
    ids=["near", "far", "long", "cut off", "too far", "beyond int8 and its error"],
)
def test_points_that_the_sample_misses(monkeypatch: pytest.MonkeyPatch, points: Tensor, form: str) -> None:
    """The sample's grid serves those that are near; another one, or float32, is taken where it would not."""
    monkeypatch.setattr(rounded_points, "SAMPLE_ROWS", 1000)
    found = greedy_coreset(points, 300, generator=_generator(), projection_dim=None)
    picks, radius = _plain_greedy(points.numpy(), int(found.indices_M[0]), 300)
    assert found.indices_M.tolist() == picks
    assert found.radius == pytest.approx(radius, rel=1e-12)
    rounded = rounded_points.RoundedPoints(Points([points]))
    if isinstance(rounded.form, ByteForm):
        origin = points[::4].mean(0, dtype=torch.float64).float()
        all_reach = ByteForm.spanning([points - origin])._step
        assert (rounded.form._step == pytest.approx(all_reach, rel=1e-6)) == (form == "all")
    elif rounded_points.coarse_type(torch.device("cpu")) == torch.int8:
        assert form == "float32"


def test_where_products_depend_on_the_shape_the_projection_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix_DP = gaussian_matrix(300, 32, _generator(3))
    assert Points([_random(1500, 300)], matrix_DP).projected == torch.backends.mkldnn.is_available()
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    held = Points(_random(9000, 300).split(5000), matrix_DP)
    assert not held.projected
    projected = torch.cat(list(held.chunks()))
    assert torch.allclose(projected, _random(9000, 300) @ matrix_DP, atol=1e-4)
    rows = np.array([8999, 4, 5000, 4999])
    assert torch.equal(held.at(rows), projected[torch.from_numpy(rows)])
    assert torch.equal(held.at(rows[:1]), projected[8999:])
    found = greedy_coreset(_random(9000, 300), 100, generator=_generator(3), projection_dim=32)
    assert found.indices_M.tolist() == _plain_greedy(projected.numpy(), int(found.indices_M[0]), 100)[0]


def test_parts_that_differ_are_refused() -> None:
    for other in (torch.zeros(5, 3), torch.zeros(5, 4).double()):
        with pytest.raises(AdshiftError, match="must be alike"):
            greedy_coreset([torch.ones(5, 4), other], 2, generator=_generator())


def test_every_row_can_be_picked_once_and_the_rest_come_in_order() -> None:
    points = _random(20, 4)[torch.arange(200) % 20]
    found = greedy_coreset(points, 200, generator=_generator(), projection_dim=None)
    picks, _ = _plain_greedy(points.numpy(), int(found.indices_M[0]), 200)
    assert found.indices_M.tolist() == picks
    assert sorted(picks) == list(range(200))
    assert picks[20:] == sorted(picks[20:])
    assert found.radius == 0.0


def test_all_points_equal() -> None:
    found = greedy_coreset(torch.full((50, 3), 0.1), 4, generator=_generator(), projection_dim=None)
    first = int(found.indices_M[0])
    assert found.indices_M.tolist() == [first, *[row for row in range(4) if row != first][:3]]
    assert found.radius == 0.0


@pytest.mark.parametrize("cut", [1, 17, 399, 400])
@pytest.mark.parametrize("make", [_random, _duplicated])
def test_a_prefix_is_continued_to_the_same_order(make, cut: int) -> None:
    points = make(2000, 200)
    whole = greedy_coreset(points, 400, generator=_generator(7))
    short = greedy_coreset(points, cut, generator=_generator(7))
    assert short.indices_M.tolist() == whole.indices_M[:cut].tolist()
    grown = greedy_coreset(points, 400, generator=_generator(7), prefix_P=short.indices_M)
    assert grown.indices_M.tolist() == whole.indices_M.tolist()
    assert grown.radius == whole.radius


def test_projected_search_is_the_plain_loop_on_the_projection() -> None:
    points = _random(1500, 300)
    found = greedy_coreset(points, 100, generator=_generator(3), projection_dim=32)
    projected = projection(gaussian_matrix(300, 32, _generator(3)))(points)
    picks, radius = _plain_greedy(projected.numpy(), int(found.indices_M[0]), 100)
    assert found.indices_M.tolist() == picks
    assert found.radius == pytest.approx(radius, rel=1e-12)


@pytest.mark.parametrize("dim", [7, 300, 1536])
def test_a_rows_projection_does_not_depend_on_the_rows_beside_it(dim: int) -> None:
    points = _random(5000, dim)
    project = projection(gaussian_matrix(dim, 128, _generator(3)))
    whole = project(points)
    for rows in (1, 2, 3, 31, 64, 250, 1024, 4097):
        some = torch.randperm(5000, generator=_generator(rows))[:rows]
        assert torch.equal(project(points[some]), whole[some])
    assert project(points[:0]).shape == (0, 128)


def test_projection_keeps_lengths_on_average() -> None:
    points = _random(4000, 384)
    ratio = projection(gaussian_matrix(384, 128, _generator()))(points).square().sum(1) / points.square().sum(1)
    # Each ratio is chi-squared with 128 degrees of freedom over 128: standard deviation sqrt(2 / 128) = 0.125.
    assert ratio.mean().item() == pytest.approx(1, abs=0.02)
    assert 0.10 < ratio.std().item() < 0.15


def test_first_pick_is_random_and_the_seed_decides() -> None:
    points = _random(1000, 8)
    firsts = [int(greedy_coreset(points, 1, generator=_generator(seed)).indices_M[0]) for seed in range(20)]
    assert len(set(firsts)) > 10
    assert firsts[3] == int(greedy_coreset(points, 1, generator=_generator(3)).indices_M[0])


def test_memory_mapped_rows_give_the_same_coreset(tmp_path: Path) -> None:
    points = _random(3000, 150)
    np.save(tmp_path / "rows.npy", points.numpy())
    mapped = torch.from_numpy(np.load(tmp_path / "rows.npy", mmap_mode="r+"))
    for dim in (128, None):
        there = greedy_coreset(mapped, 50, generator=_generator(), projection_dim=dim)
        here = greedy_coreset(points, 50, generator=_generator(), projection_dim=dim)
        assert there.indices_M.tolist() == here.indices_M.tolist()


def test_float64_and_half_rows_are_searched_as_given() -> None:
    base = _random(400, 8).double()
    fine = torch.cat([base, base + 1e-9])  # pairs that float32 cannot tell apart
    found = greedy_coreset(fine, 600, generator=_generator(), projection_dim=None)
    assert found.indices_M.tolist() == _plain_greedy(fine.numpy(), int(found.indices_M[0]), 600)[0]
    half = _random(400, 8).half()
    found = greedy_coreset(half, 60, generator=_generator(), projection_dim=None)
    assert found.indices_M.tolist() == _plain_greedy(half.numpy(), int(found.indices_M[0]), 60)[0]


def test_half_rows_whose_sum_exceeds_half_are_searched() -> None:
    """They lie far from the origin: their sum, taken to centre them, is beyond float16's largest number."""
    half = (_random(4096, 8) + 30).half()
    assert not half.sum(0).isfinite().any()
    found, same = (
        greedy_coreset(rows, 40, generator=_generator(), projection_dim=None) for rows in (half, half.double())
    )
    assert torch.equal(found.indices_M, same.indices_M)


def test_progress_counts_picks(capsys: pytest.CaptureFixture[str]) -> None:
    greedy_coreset(_random(100, 4), 30, generator=_generator(), progress=True)
    assert "30/30" in capsys.readouterr().err
    greedy_coreset(_random(100, 4), 30, generator=_generator())
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("count", [0, -1, 11])
def test_count_outside_the_rows_is_refused(count: int) -> None:
    with pytest.raises(AdshiftError, match=rf"count={count} must be in \[1, 10\]"):
        greedy_coreset(_random(10, 4), count, generator=_generator())


@pytest.mark.parametrize("prefix", [[], [0, 0], [10], [-1], [0, 1, 2, 3, 4, 5]])
def test_an_unusable_prefix_is_refused(prefix: list[int]) -> None:
    with pytest.raises(AdshiftError, match="prefix"):
        greedy_coreset(_random(10, 4), 5, generator=_generator(), prefix_P=torch.tensor(prefix, dtype=torch.int64))


@pytest.mark.parametrize("dim", [None, 2])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(value: float, dim: int | None) -> None:
    points = _random(10, 4)
    points[3, 2] = value
    with pytest.raises(AdshiftError, match="finite"):
        greedy_coreset(points, 5, generator=_generator(), projection_dim=dim)


@pytest.mark.parametrize("dim", [None, 2])
def test_values_whose_squares_overflow_are_refused(dim: int | None) -> None:
    points = _random(20_000, 4)
    points[3, 2] = 3e38
    with pytest.raises(AdshiftError, match="squares exceed float32"):
        greedy_coreset(points, 5, generator=_generator(), projection_dim=dim)


def test_shapes_and_dimensions_are_checked() -> None:
    for wrong in (torch.zeros(5), torch.zeros(0, 4), torch.zeros(5, 4, dtype=torch.int64)):
        for embedding in (wrong, [torch.zeros(5, 4), wrong]):
            with pytest.raises(AdshiftError, match="embedding of shape"):
                greedy_coreset(embedding, 1, generator=_generator())
    with pytest.raises(AdshiftError, match="projection_dim=0"):
        greedy_coreset(_random(10, 4), 1, generator=_generator(), projection_dim=0)
