"""What a repair would score, told without making it, against the repair that is made."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from adshift.features.backbone import FrozenBackbone
from adshift.methods.alignment import alignment, moments
from adshift.methods.method import Method
from adshift.methods.padim import PaDiM
from adshift.methods.patchcore import PatchCore

SIZE = (32, 32)


@pytest.fixture(scope="module")
def backbone() -> FrozenBackbone:
    return FrozenBackbone("resnet18", ("layer1", "layer2"), "random", seed=3)


def embedded(method: Method, count: int, seed: int) -> Tensor:
    return method.embed(torch.randn(count, 3, *SIZE, generator=torch.Generator().manual_seed(seed)) * (1 + seed / 10))


def fitted(method: Method) -> Method:
    method.begin_fit(12)
    method.collect(embedded(method, 12, 0))
    method.finish_fit()
    return method


def made(method: Method, images: list[Tensor], weight: float, keep: float, aligned: bool, query: Tensor) -> Tensor:
    repaired = copy.deepcopy(method, {id(method.backbone): method.backbone})
    repaired.repair(images, 12, weight, MAP if aligned else None, keep)
    return repaired.score(query, SIZE).image_score_B


MAP = alignment(moments([torch.randn(99, 192)]), moments([torch.randn(99, 192) * 2 + 1]), "moments")


@pytest.mark.parametrize(
    ("name", "ratio", "weight", "keep", "aligned", "copies"),
    [
        ("patchcore", 0.1, 0.25, 1.0, False, 0), ("patchcore", 1.0, 0.25, 0.25, False, 1),
        ("patchcore", 0.2, 1.0, 0.5, True, 0), ("padim", 0.1, 0.25, 1.0, False, 1), ("padim", 0.1, 0.5, 1.0, False, 0),
        ("padim", 0.1, 1.0, 1.0, False, 0), ("padim", 0.1, 0.0, 1.0, False, 0),
    ],
)  # fmt: skip
@torch.no_grad()
def test_a_rehearsal_scores_as_the_repair(
    backbone: FrozenBackbone, name: str, ratio: float, weight: float, keep: float, aligned: bool, copies: int
) -> None:
    method: Method = fitted(PatchCore(backbone, 0.5) if name == "patchcore" else PaDiM(backbone, 20))
    before = {key: value.clone() for key, value in method.state_dict().items()}
    views = torch.stack([embedded(method, 5, 1 + view) for view in range(1 + copies)])
    query = embedded(method, 6, 7)
    condensed = [method.condensed(views[:, i], ratio) for i in range(5)]
    parts = [condensed[:2], condensed[2:3], condensed[3:]]
    scores = method.rehearsal(query, SIZE).extended(parts, weight, keep)
    for queries, kept in (([0, 1, 2, 3, 4, 5], [0, 1, 2]), ([4, 2], [0, 2]), ([5], [1])):
        images = [image for part in kept for image in parts[part]]
        wanted = made(method, images, weight, keep, aligned, query[queries])
        torch.testing.assert_close(scores(queries, kept, MAP if aligned else None), wanted, rtol=2e-4, atol=1e-4)
    assert all(torch.equal(value, before[key]) for key, value in method.state_dict().items())


@torch.no_grad()
def test_what_stays_of_a_bank_is_the_coreset_of_that_size(backbone: FrozenBackbone) -> None:
    large, small = PatchCore(backbone, 0.5), PatchCore(backbone, 0.125)
    fitted(large)
    fitted(small)
    large.repair([], 12, 0.25, None, keep=0.25)
    assert torch.equal(large.bank_MD, small.bank_MD)
    assert torch.equal(large.bank_image_M, small.bank_image_M)
