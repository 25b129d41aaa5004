"""The ResNets that are written out here are torchvision's: names, random weights and features, to the last bit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from adshift.features.resnet import TORCHVISION, resnet


def of_torchvision(architecture: str, seed: int) -> nn.Module:
    """Whole, with moved batch statistics, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: nn.Module = get_model(architecture, weights=None)
    return model.eval()


def own(state: dict[str, Tensor], stages: int) -> dict[str, Tensor]:
    dropped = ("fc.", *(f"layer{stage}." for stage in range(stages + 1, 5)))
    return {name: value for name, value in state.items() if not name.startswith(dropped)}


@pytest.mark.parametrize("architecture", TORCHVISION)
@pytest.mark.parametrize("stages", [2, 4])
def test_a_seed_draws_the_weights_that_it_draws_there(architecture: str, stages: int) -> None:
    expected = own(of_torchvision(architecture, 5).state_dict(), stages)
    before = torch.get_rng_state()
    found = resnet(TORCHVISION[architecture], stages, 5).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize("architecture", TORCHVISION)
def test_weights_that_are_loaded_give_the_features_that_they_give_there(architecture: str) -> None:
    full = of_torchvision(architecture, 6)
    with torch.no_grad():
        for name, buffer in full.named_buffers():
            moved = torch.rand(buffer.shape, generator=torch.Generator().manual_seed(1))
            if name.endswith("running_mean"):
                buffer.copy_(moved - 0.5)
            if name.endswith("running_var"):
                buffer.copy_(moved + 0.5)
    body = resnet(TORCHVISION[architecture], 3, None).eval()
    body.load_state_dict(own(full.state_dict(), 3))
    x = y = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for name, part in body.items():
            x, y = part(x), full.get_submodule(name)(y)
            assert torch.equal(x, y), name
    assert x.shape == (2, 256 if architecture == "resnet18" else 1024, 4, 6)
    assert x.std() > 0
