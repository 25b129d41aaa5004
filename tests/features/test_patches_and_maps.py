"""Pooling, alignment, the order of rows, and the way back from patches to pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.nn import functional

from adshift.features.patches import patch_embeddings, pool_neighbourhood
from adshift.methods.maps import upsample_maps, upsample_operator


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [3, 5])
def test_pooling_is_the_mean_over_the_zero_padded_neighbourhood(size: int) -> None:
    features = noise(2, 4, 6, 7)
    columns = functional.unfold(features, size, padding=size // 2).view(2, 4, size * size, 6, 7)
    torch.testing.assert_close(pool_neighbourhood(features, size), columns.mean(dim=2), rtol=1e-5, atol=1e-6)


def test_pooling_by_hand_and_not_at_all() -> None:
    features = torch.arange(9.0).view(1, 1, 3, 3)
    pooled = pool_neighbourhood(features, 3)[0, 0]
    assert pooled[1, 1].item() == pytest.approx(4.0)
    assert pooled[0, 0].item() == pytest.approx((0 + 1 + 3 + 4) / 9)
    assert pool_neighbourhood(features, 1) is features


def test_deeper_layers_are_pooled_then_brought_to_the_first_grid() -> None:
    features = {"layer2": noise(2, 3, 8, 8), "layer3": noise(2, 5, 4, 4, seed=1), "unused": noise(2, 1, 2, 2)}
    found = patch_embeddings(features, ["layer2", "layer3"], 3)
    deep = functional.interpolate(
        pool_neighbourhood(features["layer3"], 3), size=(8, 8), mode="bilinear", align_corners=False
    )
    assert tuple(found.shape) == (2, 8, 8, 8)
    shallow = pool_neighbourhood(features["layer2"], 3)
    torch.testing.assert_close(found[..., :3], shallow.permute(0, 2, 3, 1))
    torch.testing.assert_close(found[..., 3:], deep.permute(0, 2, 3, 1))
    rows = found.view(-1, 8)  # a row a patch: image by image, line by line
    assert torch.equal(rows[64 + 8 * 2 + 5, :3], shallow[1, :, 2, 5])


@pytest.mark.parametrize(("grid", "size"), [((28, 28), (224, 224)), ((7, 5), (56, 64)), ((4, 4), (32, 32))])
@pytest.mark.parametrize("sigma", [0.0, 1.0, 4.0])
def test_maps_are_upsampled_bilinearly_and_blurred(grid: tuple[int, int], size: tuple[int, int], sigma: float) -> None:
    scores = noise(2, *grid).abs()
    wide = functional.interpolate(scores[:, None], size=size, mode="bilinear", align_corners=False)[:, 0].numpy()
    expected = np.stack([gaussian_filter(m.astype(np.float64), sigma, mode="mirror", truncate=4.0) for m in wide])
    np.testing.assert_allclose(upsample_maps(scores, size, sigma).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_constant_map_stays_constant_and_the_maximum_may_only_fall() -> None:
    assert torch.allclose(upsample_maps(torch.full((1, 7, 7), 3.5), (224, 224), 4.0), torch.tensor(3.5), atol=1e-4)
    scores = noise(1, 14, 14).abs()
    assert upsample_maps(scores, (224, 224), 4.0).max() < upsample_maps(scores, (224, 224), 0.0).max() <= scores.max()


def test_the_kernel_is_cut_to_a_small_image() -> None:
    operator = upsample_operator(2, 8, 4.0)  # 4 sigma would reach beyond 8 pixels
    assert tuple(operator.shape) == (8, 2)
    assert torch.allclose(operator.sum(dim=1), torch.ones(8), atol=1e-5)
