"""PatchCore against the study's formulas on a bank small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from adshift.errors import AdshiftError
from adshift.features.backbone import FrozenBackbone
from adshift.methods.patchcore import PatchCore
from adshift.methods.reweighting import reweighted_scores


@pytest.fixture(scope="module")
def backbone() -> FrozenBackbone:
    return FrozenBackbone("resnet18", ("layer2", "layer3"), "random", seed=3)


def images(count: int, seed: int = 0, size: int = 32) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def fitted(backbone: FrozenBackbone, train: Tensor, ratio: float = 1.0, batch: int = 2, **options: float) -> PatchCore:
    method = PatchCore(backbone, ratio, **options)  # type: ignore[arg-type]
    method.begin_fit(len(train))
    for part in train.split(batch):
        method.collect(method.embed(part))
    method.finish_fit()
    return method


def brute_force(query_QD: np.ndarray, bank_MD: np.ndarray, k: int) -> np.ndarray:
    """docs/protocol.md in float64: distance to the nearest, weighted by 1 minus its softmax share of k neighbours."""
    distance_QM = np.linalg.norm(query_QD[:, None, :] - bank_MD[None, :, :], axis=2)
    nearest_Qk = np.sort(distance_QM, axis=1)[:, :k]
    share = np.exp(-nearest_Qk[:, 0]) / np.exp(-nearest_Qk).sum(axis=1)
    return nearest_Qk[:, 0] * (1 - share)


@pytest.mark.parametrize("k", [2, 9, 1000])
def test_scores_and_maps_are_those_of_the_formulas(backbone: FrozenBackbone, k: int) -> None:
    method = fitted(backbone, images(3), neighbours=k, smoothing=0.0)
    test = images(2, seed=9)
    out = method(test)
    query = method.embed(test).flatten(0, 2).double().numpy()
    expected = brute_force(query, method.bank_MD.double().numpy(), min(k, len(method.bank_MD))).reshape(2, 4, 4)
    np.testing.assert_allclose(out.image_score_B.numpy(), expected.max(axis=(1, 2)), rtol=1e-4)
    wide = torch.nn.functional.interpolate(torch.from_numpy(expected)[:, None], size=(32, 32), mode="bilinear")[:, 0]
    np.testing.assert_allclose(out.anomaly_map_BHW.numpy(), wide.numpy(), rtol=1e-4, atol=1e-5)


def test_scores_are_distances_not_squares() -> None:
    distance = torch.tensor([[2.0, 3.0, 3.0], [20.0, 30.0, 30.0]])
    by_hand = 2.0 * (1 - np.exp(-2) / (np.exp(-2) + 2 * np.exp(-3)))
    found = reweighted_scores(distance)
    assert found[0].item() == pytest.approx(by_hand, rel=1e-6)
    assert found[1].item() == pytest.approx(20 * (1 - 1 / (1 + 2 * np.exp(-10))), rel=1e-3)


def test_scaling_every_feature_scales_the_distance_once(backbone: FrozenBackbone) -> None:
    class Scaled(nn.Module):
        """The backbone with its features doubled."""

        layers, channels = backbone.layers, backbone.channels

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {name: 2 * value for name, value in backbone(x).items()}

    test = images(2, seed=4)
    one = fitted(backbone, images(3), neighbours=1)(test).image_score_B
    two = fitted(Scaled(), images(3), neighbours=1)(test).image_score_B  # type: ignore[arg-type]
    torch.testing.assert_close(two, 2 * one, rtol=1e-4, atol=1e-5)


def test_one_neighbour_and_one_bank_vector_leave_the_distance_itself(backbone: FrozenBackbone) -> None:
    distance = torch.tensor([[1.5], [0.0]])
    assert reweighted_scores(distance).tolist() == [1.5, 0.0]
    method = fitted(backbone, images(2), ratio=1e-9)
    assert method.bank_shape() == (1, 384 * 4)
    test = images(1, seed=1)
    rows = method.embed(test).flatten(0, 2)
    expected = (rows - method.bank_MD).double().norm(dim=1).max()
    assert method(test).image_score_B.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_train_image_scores_zero_against_a_whole_bank(backbone: FrozenBackbone) -> None:
    train = images(3)
    out = fitted(backbone, train)(train)
    assert out.image_score_B.abs().max() < 1e-3
    assert out.nearest_image_BP is not None
    assert (out.nearest_image_BP == torch.arange(3)[:, None]).all()


@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.0])
def test_the_bank_holds_train_rows_and_knows_their_images(backbone: FrozenBackbone, ratio: float) -> None:
    train = images(5)
    method = fitted(backbone, train, ratio=ratio)
    rows = method.embed(train).flatten(0, 2)
    assert len(method.bank_MD) == int(ratio * 80)
    assert method.bank_shape() == (int(ratio * 80), int(ratio * 80) * 384 * 4)
    distance = torch.cdist(method.bank_MD.double(), rows.double())
    assert distance.min(dim=1).values.max() < 1e-3
    assert torch.equal(distance.argmin(dim=1) // 16, method.bank_image_M)
    assert len({tuple(v.tolist()) for v in method.bank_MD}) == len(method.bank_MD)


def test_the_order_of_batches_changes_nothing_but_rounding(backbone: FrozenBackbone) -> None:
    train, test = images(6), images(2, seed=5)
    scores = [fitted(backbone, train, ratio=1.0, batch=b)(test).image_score_B for b in (1, 4, 6)]
    torch.testing.assert_close(scores[0], scores[1], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(scores[0], scores[2], rtol=1e-4, atol=1e-4)


def test_a_second_fit_forgets_the_first(backbone: FrozenBackbone) -> None:
    method = fitted(backbone, images(3), ratio=0.5)
    method(images(1))
    method.begin_fit(2)
    method.collect(method.embed(images(2, seed=8)))
    method.finish_fit()
    fresh = fitted(backbone, images(2, seed=8), ratio=0.5)
    assert torch.equal(method.bank_MD, fresh.bank_MD)
    assert torch.equal(method(images(2, seed=1)).image_score_B, fresh(images(2, seed=1)).image_score_B)


def test_the_seed_picks_the_bank(backbone: FrozenBackbone) -> None:
    train = images(4)
    banks = [fitted(backbone, train, ratio=0.1, seed=seed).bank_MD for seed in (0, 0, 1)]
    assert torch.equal(banks[0], banks[1])
    assert not torch.equal(banks[0], banks[2])


def test_a_state_dict_moves_to_a_fresh_module_bit_for_bit(backbone: FrozenBackbone) -> None:
    method, test = fitted(backbone, images(4), ratio=0.25), images(3, seed=2)
    fresh = PatchCore(FrozenBackbone("resnet18", ("layer2", "layer3"), "random", seed=99), 0.25)
    fresh.load_state_dict(method.state_dict())
    assert torch.equal(fresh.bank_image_M, method.bank_image_M)
    for one, other in zip(method(test), fresh(test), strict=True):
        assert torch.equal(one, other)
    again = fitted(backbone, images(2, seed=7), ratio=0.5)  # a loaded bank replaces one that was searched already
    again(test)
    again.load_state_dict(method.state_dict())
    assert torch.equal(again(test).image_score_B, method(test).image_score_B)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_features_that_are_not_finite_are_refused(backbone: FrozenBackbone, value: float) -> None:
    train = images(2)
    train[1, 0, 5, 5] = value
    with pytest.raises(AdshiftError, match="train embeddings hold NaN or infinite values"):
        fitted(backbone, train)


def test_no_train_image_is_refused(backbone: FrozenBackbone) -> None:
    method = PatchCore(backbone, 0.1)
    method.begin_fit(0)
    with pytest.raises(AdshiftError, match="0 train images"):
        method.finish_fit()


def test_scoring_before_the_fit_is_refused(backbone: FrozenBackbone) -> None:
    with pytest.raises(AdshiftError, match="fit first"):
        PatchCore(backbone, 0.1)(images(1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coreset_ratio": 0.0}, r"coreset_ratio=0\.0 must be in \(0, 1\]"),
        ({"coreset_ratio": -1.0}, r"coreset_ratio=-1\.0 must be"),
        ({"coreset_ratio": 1.5}, r"coreset_ratio=1\.5 must be"),
        ({"coreset_ratio": float("nan")}, "coreset_ratio=nan must be"),
        ({"neighbours": 0}, "neighbours=0"),
        ({"neighbourhood": 2}, "neighbourhood=2"),
        ({"projection_dim": 0}, "projection_dim=0"),
        ({"smoothing": -0.5}, r"smoothing=-0\.5 must be in"),
        ({"search": "magic"}, "search=magic must be one of: auto, faiss, torch"),
    ],
)
def test_options_out_of_bounds_are_refused(backbone: FrozenBackbone, options: dict[str, float], message: str) -> None:
    with pytest.raises(AdshiftError, match=message):
        PatchCore(backbone, **{"coreset_ratio": 0.1} | options)  # type: ignore[arg-type]
